// follow listens to a socket of the server's for as long as somebody looks: when it breaks off, it is opened anew, and what was missed is said.

const soonest = 1000; // milliseconds until it is opened anew; each time twice as long
const latest = 30000;
const signedOut = 1008; // the server's word that the session is over

/** follow calls heard with each message, and missed when a socket is there again after one that broke off. It returns how to end it. */
export function follow(path: string, heard: (text: string) => void, missed: () => void): () => void {
  let socket: WebSocket;
  let again: ReturnType<typeof setTimeout>;
  let wait = soonest;
  let before = false;
  const open = () => {
    socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${path}`);
    socket.onmessage = ({ data }: MessageEvent<string>) => heard(data);
    socket.onopen = () => {
      if (before) missed();
      [before, wait] = [true, soonest];
    };
    socket.onclose = ({ code }) => {
      if (code === signedOut) return;
      before = true; // also of one that never came: who looks has asked before it
      again = setTimeout(open, wait);
      wait = Math.min(2 * wait, latest);
    };
  };
  open();
  return () => {
    clearTimeout(again);
    socket.onmessage = socket.onclose = null;
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket.close();
  };
}
