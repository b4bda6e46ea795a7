import { describe, expect, it } from "vitest";
import { fileType, isOpen, kindOf } from "./files";

describe("files", () => {
  it("are sent by messages of their kind", () => {
    expect(kindOf("image/png")).toBe("image");
    expect(kindOf("image/webp")).toBe("sticker");
    expect(kindOf("application/pdf")).toBe("document");
    expect(kindOf("text/html")).toBeUndefined();
  });
  it("have the type that channels call them by", () => {
    expect(fileType({ name: "a.m4a", type: "audio/x-m4a" })).toBe("audio/mp4");
    expect(fileType({ name: "a.AMR", type: "" })).toBe("audio/amr");
    expect(fileType({ name: "a.png", type: "image/png" })).toBe("image/png");
    expect(fileType({ name: "a.xyz", type: "" })).toBe("application/octet-stream");
  });
});

describe("the window", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  it("is open for a day after the customer's last message", () => {
    expect(isOpen([{ role: "user", created_at: "2026-11-21T12:00:01Z" }], now)).toBe(true);
    expect(isOpen([{ role: "user", created_at: "2026-11-21T12:00:00Z" }], now)).toBe(false);
    expect(isOpen([{ role: "assistant", created_at: "2026-11-22T11:00:00Z" }], now)).toBe(false);
    expect(isOpen([], now)).toBe(false);
  });
});
