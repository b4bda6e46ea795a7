// What is known of files that are sent and received in conversations.
import type { Message } from "./api.gen";

/** What a message's data says of its file. */
export interface Enclosed {
  file_id?: string;
  link?: string;
  type?: string;
  filename?: string;
  error?: string;
}

const kinds: Record<string, string[]> = {
  image: ["image/jpeg", "image/png"],
  audio: ["audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg", "audio/opus"],
  video: ["video/mp4", "video/3gpp"],
  sticker: ["image/webp"],
  document: [
    "text/plain", "application/pdf", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  ],
};

/** kindOf is the type of the message that a file of a media type is sent by; undefined: channels take none. */
export function kindOf(type: string): string | undefined {
  return Object.keys(kinds).find((kind) => kinds[kind].includes(type));
}

/** What browsers call otherwise than channels, or do not know. */
const others: Record<string, string> = { "audio/x-m4a": "audio/mp4", "audio/m4a": "audio/mp4", "audio/mp3": "audio/mpeg", "audio/x-aac": "audio/aac", "video/ogg": "audio/ogg" };
const endings: Record<string, string> = { amr: "audio/amr", aac: "audio/aac", opus: "audio/ogg", ogg: "audio/ogg", "3gp": "video/3gpp", m4a: "audio/mp4", webp: "image/webp" };

/** fileType is the media type of a file that somebody has chosen. */
export function fileType({ name, type }: { name: string; type: string }): string {
  return others[type] ?? (type || endings[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] || "application/octet-stream");
}

const day = 24 * 60 * 60 * 1000;

/** isOpen says whether anything may be sent: the customer has written within a day. */
export function isOpen(messages: Pick<Message, "role" | "created_at">[], now = Date.now()): boolean {
  return messages.some(({ role, created_at }) => role === "user" && now - Date.parse(created_at) < day);
}
