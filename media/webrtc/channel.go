package webrtc

import (
	"net"
	"sync/atomic"

	"github.com/pion/datachannel"
	"github.com/pion/logging"
	"github.com/pion/sctp"
)

const (
	maxMessage  = 16 << 10  // bytes of a message, either way
	maxWaiting  = 256       // messages that wait for the page
	maxBuffered = 1 << 20   // bytes that it has not acknowledged, before it is thought to be deaf
	maxReceived = 128 << 10 // bytes that SCTP holds of what comes
)

// A channel is the data channel of a call: the first that the page opens; others are closed.
//
//	Leg.Tell ─▶ waiting (256) ─▶ a goroutine ─▶ SCTP ─▶ page
//	page ─▶ SCTP ─▶ a goroutine ─▶ Options.Message
type channel struct {
	take    func(text []byte)
	log     logging.LoggerFactory
	waiting chan []byte
	lost    atomic.Int64 // messages for which there was no room
}

// tell has a message sent when the page can take it; false: too many wait.
func (c *channel) tell(text []byte) bool {
	select {
	case c.waiting <- text:
		return true
	default:
		c.lost.Add(1)
		return false
	}
}

// run serves the channel until the browser has gone or conn is closed; then nothing of it runs any more, but conn is still to be closed.
func (c *channel) run(conn net.Conn) {
	a, err := sctp.ServerWithOptions(sctp.WithName("parley"), sctp.WithNetConn(conn), sctp.WithMaxReceiveBufferSize(maxReceived),
		sctp.WithMaxMessageSize(maxMessage), sctp.WithLoggerFactory(c.log))
	if err != nil {
		return // the browser has gone before
	}
	defer func() { _ = a.Close() }() // it closes conn too, which is over
	done, spoken := make(chan struct{}), make(chan struct{})
	defer func() { <-spoken }()
	defer close(done)
	first := true
	for {
		d, err := datachannel.Accept(a, &datachannel.Config{LoggerFactory: c.log})
		if err != nil {
			if first {
				close(spoken)
			}
			return
		}
		if !first {
			_ = d.Close()
			continue
		}
		first = false
		go func() {
			defer close(spoken)
			c.speak(d, done)
		}()
	}
}

// speak sends what waits and, on a goroutine that ends with the channel, hears what comes.
func (c *channel) speak(d *datachannel.DataChannel, done <-chan struct{}) {
	heard := make(chan struct{})
	defer func() { <-heard }()
	defer func() { _ = d.Close() }()
	go func() {
		defer close(heard)
		c.hear(d)
	}()
	for {
		select {
		case text := <-c.waiting:
			if d.BufferedAmount() > maxBuffered {
				c.lost.Add(1)
				continue
			}
			if _, err := d.WriteDataChannel(text, true); err != nil {
				return
			}
		case <-heard:
			return
		case <-done:
			return
		}
	}
}

// hear takes messages until the channel is closed. One that is longer than our answer allows ends it: SCTP would hold it for ever.
func (c *channel) hear(d *datachannel.DataChannel) {
	b := make([]byte, maxMessage)
	for {
		n, isText, err := d.ReadDataChannel(b)
		if err != nil {
			return
		}
		if !isText {
			c.take(nil)
			continue
		}
		c.take(b[:n])
	}
}
