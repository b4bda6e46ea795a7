import { expect, test } from "vitest";
import { nothing } from "../call";
import { action, passOf, said, settings } from "./words";

test("a script says where tokens are, or who any page may call, and all else is optional", () => {
  const script = "https://voice.example.com/widget.js";
  expect(settings({}, script)).toContain("data-token-url");
  expect(settings({ agent: "a" }, script)).toMatchObject({ agent: "a", tokenURL: "https://voice.example.com/api/v1/widget/tokens" });
  expect(settings({ tokenUrl: "/my/token" }, script)).toEqual({ agent: "", tokenURL: "/my/token", label: "Talk to us", target: "" });
  expect(settings({ tokenUrl: "/t", agent: "a", label: "Ask", target: "#here" }, script)).toEqual({ agent: "a", tokenURL: "/t", label: "Ask", target: "#here" });
});

test("a pass is Parley's whole answer, or its data", () => {
  const pass = { token: "t", whip_url: "https://voice.example.com/webrtc/whip" };
  expect(passOf(pass)).toEqual(pass);
  expect(passOf({ success: true, data: pass })).toEqual(pass);
  for (const wrong of [null, {}, { data: { token: "t" } }, "token"]) expect(() => passOf(wrong)).toThrow("token is missing");
});

test("each state has its words, and the button its action", () => {
  const states = ["connecting", "listening", "hearing", "thinking", "speaking", "held", "bridged", "over"] as const;
  for (const state of states) expect(said({ ...nothing, state })).not.toBe("");
  expect(said({ ...nothing, state: "listening", microphone: true, muted: true })).toBe("You are muted.");
  expect(said({ ...nothing, state: "speaking", lost: true })).toContain("network");
  expect(action(nothing, "Ask")).toBe("Ask");
  expect(action({ ...nothing, state: "held" }, "Ask")).toBe("Hang up");
  expect(action({ ...nothing, state: "over" }, "Ask")).toBe("Talk again");
});
