import { describe, expect, test } from "bun:test";
import { AwsCredentialsError, awsTokens, checkTokenAnswer, type SignToken, TokenRefusedError } from "./aws-token.ts";

describe("awsTokens", () => {
  const counting = () => {
    const asked: string[] = [];
    const sign: SignToken = async (region) => {
      asked.push(region);
      return `token ${asked.length}`;
    };
    return { asked, sign };
  };

  test("given clients that log in at the same time, when each asks, then one signature serves them all", async () => {
    const { asked, sign } = counting();
    const token = awsTokens("eu-central-1", { sign });
    expect(await Promise.all([token(), token(), token()])).toEqual(["token 1", "token 1", "token 1"]);
    expect(asked).toEqual(["eu-central-1"]);
  });

  test("given a renewal later on, when it asks, then it gets a new token", async () => {
    let time = 0;
    const token = awsTokens("eu-central-1", { ...counting(), clock: () => time });
    await token();
    time = 30_001;
    expect(await token()).toBe("token 2");
  });

  test("given no credentials, when they are there at the next login, then they are used at once", async () => {
    let missing = true;
    const sign = async () => {
      if (missing) throw new Error("Could not load credentials from any providers");
      return "token";
    };
    const token = awsTokens("eu-central-1", { sign });
    await expect(token()).rejects.toThrow(AwsCredentialsError);
    missing = false;
    expect(await token()).toBe("token");
  });

  test("given a metadata service that never answers, when asked, then it fails within the deadline", async () => {
    const token = awsTokens("eu-central-1", { sign: () => new Promise(() => {}), deadlineMs: 20 });
    await expect(token()).rejects.toThrow("gave no answer within 0.02 s");
  });
});

describe("checkTokenAnswer", () => {
  const judge = (answer: string) => {
    let outcome: Error | null | undefined;
    checkTokenAnswer(Buffer.from(answer), (error) => {
      outcome = error;
    });
    return outcome;
  };

  test("given an empty answer, when judged, then the token was accepted", () => {
    expect(judge("")).toBeNull();
  });

  test.each([
    ['{"status":"Access denied"}', "Access denied"],
    ['{"status":"invalid_token"}', "invalid_token"],
    ["no JSON", "no reason given"],
  ])("given the answer %s, when judged, then the token was refused: %s", (answer, reason) => {
    expect(judge(answer)).toEqual(new TokenRefusedError(reason));
  });
});
