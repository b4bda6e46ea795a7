package floor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Options say which program is to run, and how. Which of its fields count depends on the program.
type Options struct {
	Name         string       `json:"name"`                  // of Names
	Address      string       `json:"address,omitempty"`     // to listen on; empty: a free port of 127.0.0.1
	Conversation Conversation `json:"conversation,omitzero"` // of whole calls
	Sockets      int          `json:"sockets,omitempty"`     // of rtp-sockets, on ports one after the other if Address has one; 0: 1

	// Of opus, as the fields of Opus.
	OpusRate   int  `json:"opus_rate,omitempty"`
	OpusBits   int  `json:"opus_bits,omitempty"`
	OpusEffort int  `json:"opus_effort,omitempty"`
	OpusLow    bool `json:"opus_low,omitempty"`
}

// Names are the programs that Run knows, in the order of the package's table.
func Names() []string {
	return []string{"own", "usual", "own-whole", "own-whole-ahead", "usual-whole", "rtp", "rtp-sockets", "opus", "json"}
}

// Run runs a program until ctx ends. Once it listens it tells where, none for a loop, and where it counts; listening must not block.
func Run(ctx context.Context, o Options, listening func(addresses []string, stats *Stats)) error {
	over := func(serve func(context.Context, net.Listener) error, stats *Stats) error {
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.address())
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		listening([]string{ln.Addr().String()}, stats)
		return serve(ctx, ln)
	}
	switch o.Name {
	case "own":
		s := &Own{}
		return over(s.Serve, &s.Stats)
	case "usual":
		s := &Usual{}
		return over(s.Serve, &s.Stats)
	case "own-whole", "own-whole-ahead":
		s := &OwnWhole{Conversation: o.Conversation, Ahead: o.Name == "own-whole-ahead"}
		return over(s.Serve, &s.Stats)
	case "usual-whole":
		s := &UsualWhole{Conversation: o.Conversation}
		return over(s.Serve, &s.Stats)
	case "json":
		s := &JSON{}
		return over(s.Serve, &s.Stats)
	case "rtp", "rtp-sockets":
		return o.runRTP(ctx, listening)
	case "opus":
		s := &Opus{Rate: o.OpusRate, Bits: o.OpusBits, Effort: o.OpusEffort, LowDelay: o.OpusLow}
		listening(nil, &s.Stats)
		return s.Serve(ctx)
	}
	return fmt.Errorf("there is no program %q: want one of %s", o.Name, strings.Join(Names(), ", "))
}

// runRTP runs either server of RTP.
func (o Options) runRTP(ctx context.Context, listening func([]string, *Stats)) error {
	at, err := net.ResolveUDPAddr("udp", o.address())
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	n := 1
	if o.Name == "rtp-sockets" {
		n = max(n, o.Sockets)
	}
	var conns []*net.UDPConn
	var addresses []string
	for range n {
		conn, err := net.ListenUDP("udp4", at)
		if err != nil {
			for _, c := range conns {
				err = errors.Join(err, c.Close())
			}
			return fmt.Errorf("listen: %w", err)
		}
		conns, addresses = append(conns, conn), append(addresses, conn.LocalAddr().String())
		if at.Port > 0 {
			at.Port++
		}
	}
	if o.Name == "rtp-sockets" {
		s := &RTPSockets{}
		listening(addresses, &s.Stats)
		return s.Serve(ctx, conns)
	}
	s := &RTP{}
	listening(addresses, &s.Stats)
	return s.Serve(ctx, conns[0])
}

func (o Options) address() string {
	if o.Address == "" {
		return "127.0.0.1:0"
	}
	return o.Address
}
