package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"parley/bench/floor"
	"parley/media/opus"
)

// A bare server is pion/webrtc as its own examples have it, on one UDP port for all: what comes on a track is written to another.
type bare struct {
	api   *webrtc.API
	port  net.PacketConn
	stats *floor.Stats
	coded bool // each packet is decoded, and encoded anew

	mu      sync.Mutex
	peers   []*webrtc.PeerConnection
	echoing sync.WaitGroup
}

func newBare(stats *floor.Stats, coded bool) (*bare, error) {
	b := &bare{stats: stats, coded: coded}
	var engine webrtc.MediaEngine
	if err := engine.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: payloadType, RTPCodecCapability: sound}, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	usual := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(&engine, usual); err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	_, _ = conn.SetReadBuffer(4<<20), conn.SetWriteBuffer(4<<20) // as media/webrtc asks for
	b.port = conn
	set := webrtc.SettingEngine{}
	set.SetLite(true)
	set.SetIncludeLoopbackCandidate(true)
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	set.SetICEUDPMux(webrtc.NewICEUDPMux(nil, conn))
	b.api = webrtc.NewAPI(webrtc.WithMediaEngine(&engine), webrtc.WithInterceptorRegistry(usual), webrtc.WithSettingEngine(set))
	return b, nil
}

// sound is the one codec.
var sound = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: opus.Clock, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}

func (b *bare) mount(mux *http.ServeMux) {
	mux.HandleFunc("POST "+whipPath, func(w http.ResponseWriter, r *http.Request) {
		answer, err := b.offered(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		n := b.stats.Calls.Load()
		w.Header().Set("Location", whipPath+"/"+strconv.FormatInt(n, 10))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, answer)
	})
}

// offered answers an offer with a peer of its own.
func (b *bare) offered(r *http.Request) (string, error) {
	offer, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	peer, err := b.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	b.peers = append(b.peers, peer)
	b.mu.Unlock()
	back, err := webrtc.NewTrackLocalStaticRTP(sound, "audio", "echo")
	if err != nil {
		return "", err
	}
	sender, err := peer.AddTrack(back)
	if err != nil {
		return "", err
	}
	b.echoing.Go(func() { // interceptors see RTCP when it is read
		for buf := make([]byte, 1500); ; {
			if _, _, err := sender.Read(buf); err != nil {
				return
			}
		}
	})
	peer.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		b.stats.Calls.Add(1)
		b.echoing.Go(func() {
			if err := b.echo(track, back); err != nil {
				b.stats.Bad.Add(1)
			}
		})
	})
	if err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(offer)}); err != nil {
		return "", err
	}
	answer, err := peer.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return peer.LocalDescription().SDP, nil
}

// echo writes what comes on a track to another, until the browser has gone. The error is the codec's.
func (b *bare) echo(track *webrtc.TrackRemote, back *webrtc.TrackLocalStaticRTP) error {
	code := func(payload []byte) ([]byte, error) { return payload, nil }
	if b.coded {
		c, err := newCoder()
		if err != nil {
			return err
		}
		defer c.close()
		code = c.again
	}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return nil
		}
		b.stats.In.Add(1)
		if packet.Payload, err = code(packet.Payload); err != nil {
			return err
		}
		if back.WriteRTP(packet) == nil {
			b.stats.Out.Add(1)
		}
	}
}

func (b *bare) close(context.Context) error {
	b.mu.Lock()
	peers := slices.Clone(b.peers)
	b.mu.Unlock()
	var errs []error
	for _, p := range peers {
		errs = append(errs, p.Close())
	}
	errs = append(errs, b.port.Close())
	b.echoing.Wait()
	return errors.Join(errs...)
}

// A coder decodes packets, and encodes them anew.
type coder struct {
	decoder *opus.Decoder
	encoder *opus.Encoder
	pcm     [rate * 120 / 1000]int16 // the longest that a packet may hold
	packet  [1000]byte
}

func newCoder() (*coder, error) {
	c := &coder{}
	var err error
	if c.decoder, err = opus.NewDecoder(rate); err != nil {
		return nil, err
	}
	if c.encoder, err = opus.NewEncoder(coding()); err != nil {
		c.decoder.Close()
		return nil, err
	}
	return c, nil
}

func (c *coder) again(payload []byte) ([]byte, error) {
	n, err := c.decoder.Decode(c.pcm[:], payload)
	if err == nil {
		n, err = c.encoder.Encode(c.packet[:], c.pcm[:n])
	}
	return c.packet[:n], err
}

func (c *coder) close() {
	c.decoder.Close()
	c.encoder.Close()
}
