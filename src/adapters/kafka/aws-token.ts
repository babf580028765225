import { messageOf } from "../../engine/errors.ts";

/** There are no AWS credentials, or they did not come in time. The message says what was tried. */
export class AwsCredentialsError extends Error {
  override readonly name = "AwsCredentialsError";
}

/** The broker did not accept a token; the message is its own. */
export class TokenRefusedError extends Error {
  override readonly name = "TokenRefusedError";
}

/**
 * Judges the broker's answer to a token: nothing when it was accepted, else a JSON object with its reason (RFC 7628).
 * The client's own validator knows one reason only and takes all others for a yes.
 */
export function checkTokenAnswer(answer: Buffer, callback: (error: Error | null, answer: Buffer) => void): void {
  const refused = answer.length > 0 ? new TokenRefusedError(reasonIn(answer.toString())) : null;
  callback(refused, answer);
}

function reasonIn(answer: string): string {
  try {
    return String(JSON.parse(answer).status ?? "no reason given");
  } catch {
    return "no reason given";
  }
}

/** Under the client's time for a connection, so that this error is the one that is seen. */
const DEADLINE_MS = 4_000;
/** A token lives for 15 minutes; those who connect at the same time share one, and AWS' services are asked once. */
const REUSE_MS = 30_000;

export type SignToken = (region: string) => Promise<string>;

/** Signs with the standard chain: environment, profile, web identity, container, instance role. */
const signWithChain: SignToken = async (region) => {
  // Loaded when needed: the AWS client library is large, and most installations have no use for it.
  const { generateAuthToken } = await import("aws-msk-iam-sasl-signer-js");
  return (await generateAuthToken({ region })).token;
};

/**
 * Makes tokens for Amazon MSK's IAM login. The function it returns is asked for every login and every renewal. Never
 * takes longer than the deadline: on a machine outside AWS the chain may wait for a metadata service that is not there.
 */
export function awsTokens(
  region: string,
  { sign = signWithChain, deadlineMs = DEADLINE_MS, clock = () => performance.now() } = {},
): () => Promise<string> {
  let shared: { readonly at: number; readonly token: Promise<string> } | undefined;
  return () => {
    if (!shared || clock() - shared.at > REUSE_MS) {
      const mine = { at: clock(), token: sign(region) };
      shared = mine;
      mine.token.catch(() => {
        if (shared === mine) shared = undefined;
      });
    }
    return inTime(shared.token, deadlineMs);
  };
}

/** The token, or why there is none; one that comes late serves whoever asks next. */
async function inTime(token: Promise<string>, deadlineMs: number): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `the credential chain gave no answer within ${deadlineMs / 1_000} s`;
    timer = setTimeout(() => reject(new AwsCredentialsError(message)), deadlineMs);
  });
  try {
    return await Promise.race([token, late]);
  } catch (error) {
    if (error instanceof AwsCredentialsError) throw error;
    throw new AwsCredentialsError(messageOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
