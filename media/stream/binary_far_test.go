package stream

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/gorilla/websocket"
)

// binaryFar is a carrier's end of a stream whose sound is binary frames, for legtest. What it says and hears in text is its dialect's.
type binaryFar struct {
	*far
	format format
	piece  int                                    // bytes of each frame of ours; 0: any
	hears  func(text string) (event, mark string) // what one of our texts is: "mark", "clear", or "" for what is of no interest
	clears func(f *far)                           // answers a clear; mu is held
	bye    func(ws *websocket.Conn) error         // says goodbye
}

// listen takes over ws and reads it until it ends.
func (f *binaryFar) listen(tb testing.TB, ws *websocket.Conn, words farWords) *binaryFar {
	f.far = &far{ws: ws, words: words, changed: make(chan struct{}), deaf: make(chan struct{}), over: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.read()
	}()
	tb.Cleanup(func() {
		close(f.over)
		_ = ws.Close()
		<-done
	})
	return f
}

func (f *binaryFar) read() {
	for {
		select {
		case <-f.deaf:
			<-f.over
			return
		default:
		}
		kind, payload, err := f.ws.ReadMessage()
		f.mu.Lock()
		switch {
		case err != nil:
			f.gone = true
		case kind == websocket.BinaryMessage:
			f.sound(payload)
		default:
			f.text(string(payload))
		}
		close(f.changed)
		f.changed = make(chan struct{})
		f.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (f *binaryFar) sound(codes []byte) {
	if f.piece > 0 && len(codes) != f.piece {
		panic(fmt.Sprintf("a frame of %d bytes, want %d", len(codes), f.piece))
	}
	pcm := make([]int16, len(codes)/f.format.width())
	f.format.decode(pcm, codes)
	f.queued = append(f.queued, pcm...)
}

func (f *binaryFar) text(text string) {
	switch event, mark := f.hears(text); event {
	case "mark":
		f.marks = append(f.marks, farMark{mark, len(f.queued)})
		f.answer(0)
	case "clear":
		f.queued = nil
		f.epoch++
		f.clears(f.far)
	}
}

func (f *binaryFar) Say(pcm []int16) error {
	for len(pcm) > 0 {
		n := min(len(pcm), f.format.frame())
		codes := make([]byte, n*f.format.width())
		f.format.encode(codes, pcm[:n])
		if err := f.writeBinary(codes); err != nil {
			return err
		}
		pcm = pcm[n:]
	}
	return nil
}

func (f *binaryFar) writeBinary(codes []byte) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	return f.ws.WriteMessage(websocket.BinaryMessage, codes)
}

func (f *binaryFar) Stop() error {
	f.writing.Lock()
	defer f.writing.Unlock()
	return f.bye(f.ws)
}

// sayGoodbye closes a socket in good order.
func sayGoodbye(ws *websocket.Conn) error {
	return ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}

// littleEndian is linear sound as such a carrier sends it, told apart from format.encode on purpose.
func littleEndian(pcm ...int16) []byte {
	var b []byte
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s)) //nolint:gosec // the sign is in the top bit
	}
	return b
}
