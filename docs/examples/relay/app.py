#!/usr/bin/env python3
"""An app that answers telephone calls by the messages of ConversationRelay, with Python's standard library alone.

It knows nothing of Parley: it was written against the page of Twilio's messages (setup, prompt, dtmf, interrupt and error in; text and end out).
It speaks its answers word by word, as a language model would, stops when the caller talks over it, and keeps only what they have heard.

    RELAY_TOKEN=... RELAY_URL=wss://app.example.com/relay python3 app.py --port 8765

Each message is written to standard output, behind "<" if it came and ">" if it went. RELAY_TOKEN is the secret with which the handshake is
signed; without one, whoever comes is let in.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
LONG = ("I can tell you a lot about that, since there is much to be said, and nobody has ever asked me to be brief when I was telling it, "
        "so I shall simply go on until somebody stops me or until the whole of the story has been told from its beginning to its end.")


class Socket:
    """The server's side of one WebSocket (RFC 6455), text messages alone."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def receive(self):
        """The next message; None when the other side has gone."""
        text = b""
        while True:
            try:
                first, second = await self.reader.readexactly(2)
                size = second & 0x7F
                if size == 126:
                    size = int.from_bytes(await self.reader.readexactly(2), "big")
                elif size == 127:
                    size = int.from_bytes(await self.reader.readexactly(8), "big")
                mask = await self.reader.readexactly(4)
                data = bytes(b ^ mask[i % 4] for i, b in enumerate(await self.reader.readexactly(size)))
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            opcode = first & 0x0F
            if opcode == 8:
                await self.write(8, data[:2])
                return None
            if opcode == 9:
                await self.write(10, data)
            elif opcode in (0, 1):
                text += data
                if first & 0x80:
                    return text.decode()

    async def send(self, message):
        print(">", json.dumps(message), flush=True)
        await self.write(1, json.dumps(message).encode())

    async def write(self, opcode, data):
        head = bytes([0x80 | opcode])
        if len(data) < 126:
            head += bytes([len(data)])
        else:
            head += bytes([126]) + len(data).to_bytes(2, "big")
        self.writer.write(head + data)
        await self.writer.drain()


class Session:
    """One call."""

    def __init__(self, socket):
        self.socket, self.task, self.prompts = socket, None, 0
        self.history = []  # what was said, and what was heard of it

    async def run(self):
        while (text := await self.socket.receive()) is not None:
            print("<", text, flush=True)
            message = json.loads(text)
            handler = getattr(self, "on_" + message["type"], None)
            if handler:
                await handler(message)
        self.stop()

    def stop(self):
        if self.task:
            self.task.cancel()
        self.task = None

    def speak(self, text):
        self.stop()
        self.history.append(text)
        self.task = asyncio.create_task(self.stream(text))

    async def stream(self, text):
        for word in text.split():
            await self.socket.send({"type": "text", "token": word + " ", "last": False})
            await asyncio.sleep(0.01)
        await self.socket.send({"type": "text", "token": "", "last": True})

    async def on_prompt(self, message):
        if not message["last"]:
            return
        self.prompts += 1
        self.history.append(message["voicePrompt"])
        self.speak(LONG if self.prompts == 1 else "Thank you for telling me that.")

    async def on_interrupt(self, message):
        self.stop()
        if self.history:
            self.history[-1] = message["utteranceUntilInterrupt"]

    async def on_dtmf(self, message):
        if message["digit"] == "9":
            self.stop()
            await self.socket.send({"type": "text", "token": "Goodbye.", "last": True})
            await self.socket.send({"type": "end", "handoffData": json.dumps({"reason": "done", "prompts": self.prompts})})
            return
        self.speak("You pressed " + message["digit"] + ".")

    async def on_error(self, message):
        print("error:", message["description"], file=sys.stderr, flush=True)


def signed(signature, token, url):
    """Whether a handshake was signed with the token: the HMAC-SHA1 of the URL, in base64."""
    want = base64.b64encode(hmac.new(token.encode(), url.encode(), hashlib.sha1).digest()).decode()
    return hmac.compare_digest(want, signature)


async def serve(reader, writer):
    token, url = os.environ.get("RELAY_TOKEN", ""), os.environ.get("RELAY_URL", "")
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        url = url or "ws://" + headers.get("host", "") + head[0].split()[1]
        if token and not signed(headers.get("x-twilio-signature", ""), token, url):
            print("refused", flush=True)
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + GUID).encode()).digest()).decode()
        writer.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: " + accept + "\r\n\r\n").encode())
        await Session(Socket(reader, writer)).run()
    except (asyncio.IncompleteReadError, ConnectionError, KeyError):
        pass
    finally:
        writer.close()


async def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8765)
    given = arguments.parse_args()
    server = await asyncio.start_server(serve, given.host, given.port)
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
