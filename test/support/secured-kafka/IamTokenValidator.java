import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.security.auth.callback.Callback;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

/**
 * Stands in for the broker's side of Amazon MSK's IAM login: accepts a presigned kafka-cluster:Connect URL whose
 * Signature Version 4 was made with the key pair of the listener's JAAS options ("accessKey", "secretKey"), within its
 * time. It follows the published signing algorithm; what AWS checks beyond it (policies, session tokens) is not here.
 */
public final class IamTokenValidator implements AuthenticateCallbackHandler {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
    private static final Set<String> UNSIGNED = Set.of("X-Amz-Signature", "User-Agent");
    private Map<String, ?> keys = Map.of();

    @Override
    public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> jaas) {
        keys = jaas.get(0).getOptions();
    }

    @Override
    public void handle(Callback[] callbacks) {
        for (Callback callback : callbacks) {
            if (callback instanceof OAuthBearerValidatorCallback validation) validate(validation);
        }
    }

    @Override
    public void close() {}

    private void validate(OAuthBearerValidatorCallback validation) {
        try {
            validation.token(accept(validation.tokenValue()));
        } catch (Exception refused) {
            validation.error(refused.getMessage(), null, null);
        }
    }

    private OAuthBearerToken accept(String token) throws Exception {
        URI url = URI.create(new String(Base64.getUrlDecoder().decode(token), StandardCharsets.UTF_8));
        TreeMap<String, String> query = new TreeMap<>();
        for (String pair : url.getRawQuery().split("&")) query.put(decode(pair.split("=", 2)[0]), pair.split("=", 2)[1]);
        String scope = decode(query.get("X-Amz-Credential"));
        String accessKey = scope.substring(0, scope.indexOf('/'));
        Instant from = TIME.parse(query.get("X-Amz-Date"), Instant::from);
        Instant until = from.plusSeconds((long) Double.parseDouble(query.get("X-Amz-Expires")));
        Instant now = Instant.now();
        if (!accessKey.equals(keys.get("accessKey"))) throw new SecurityException("Access denied");
        if (!query.get("X-Amz-Signature").equals(signature(url.getHost(), query, scope))) throw new SecurityException("Access denied");
        if (now.isAfter(until)) throw new SecurityException("Signature expired: " + until + " is now earlier than " + now);
        if (from.isAfter(now.plusSeconds(300))) throw new SecurityException("Signature not yet current: " + from + " is still later than " + now);
        return new Accepted(token, accessKey, from.toEpochMilli(), until.toEpochMilli());
    }

    private String signature(String host, TreeMap<String, String> query, String scope) throws Exception {
        String signed = query.entrySet().stream().filter(pair -> !UNSIGNED.contains(pair.getKey()))
            .map(pair -> pair.getKey() + "=" + pair.getValue()).collect(Collectors.joining("&"));
        String request = String.join("\n", "GET", "/", signed, "host:" + host, "", "host", hash(""));
        String credentialScope = scope.substring(scope.indexOf('/') + 1);
        String toSign = String.join("\n", "AWS4-HMAC-SHA256", query.get("X-Amz-Date"), credentialScope, hash(request));
        byte[] key = ("AWS4" + keys.get("secretKey")).getBytes(StandardCharsets.UTF_8);
        for (String part : credentialScope.split("/")) key = hmac(key, part);
        return HexFormat.of().formatHex(hmac(key, toSign));
    }

    private static String decode(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    private static String hash(String text) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static byte[] hmac(byte[] key, String text) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    }

    private record Accepted(String value, String principalName, Long startTimeMs, long lifetimeMs) implements OAuthBearerToken {
        @Override
        public Set<String> scope() {
            return Set.of();
        }
    }
}
