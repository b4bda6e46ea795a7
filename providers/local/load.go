//go:build cgo

package local

import (
	"context"
	"log/slog"
)

// load opens what dir holds, in steps: whatever is missing costs only what needs it. Once ctx has ended it opens no more.
func load(ctx context.Context, dir, stt string, log *slog.Logger) models {
	f := filesIn(dir, stt)
	var m models
	var closers []func()
	m.close = func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	}
	m.report = Report{Ear: Part{Level: EarWebRTC}, Recogniser: Part{Level: RecogniserNone}, Endpoint: Part{Level: EndpointWords}, Voice: Part{Level: VoiceFlite}}
	m.plain = newFlite()
	m.voice = m.plain

	why := absent(f.runtime)
	if why == "" {
		if err := openRuntime(f.runtime); err != nil {
			why = reason(err)
		} else {
			closers = append(closers, closeRuntime)
		}
	}
	if why != "" { // nothing neural can be had
		for _, p := range []*Part{&m.report.Ear, &m.report.Recogniser, &m.report.Endpoint, &m.report.Voice} {
			p.Why, p.Fix = why, fixModels
		}
		return m
	}

	if s, err := openSilero(); err != nil {
		m.report.Ear.Why, m.report.Ear.Fix = reason(err), fixModels
	} else {
		m.ear, m.report.Ear = s, Part{Level: EarSilero}
		closers = append(closers, s.close)
	}
	if ctx.Err() != nil {
		return m
	}
	if why := absent(f.encoder, f.decoder); why != "" {
		m.report.Recogniser.Why, m.report.Recogniser.Fix = why, fixModel(stt)
	} else if s, err := openMoonshine(f, stt); err != nil {
		m.report.Recogniser.Why, m.report.Recogniser.Fix = reason(err), fixModel(stt)
	} else {
		m.stt, m.report.Recogniser = s, Part{Level: RecogniserTiny}
		if stt == "base" {
			m.report.Recogniser.Level = RecogniserBase
		}
		closers = append(closers, s.close)
	}
	if s, why := loadSmartTurn(f.turns); why != "" {
		m.report.Endpoint.Why, m.report.Endpoint.Fix = why, fixModels
	} else {
		m.turns, m.report.Endpoint = s, Part{Level: EndpointSound}
		closers = append(closers, s.close)
	}
	if ctx.Err() != nil {
		return m
	}
	if why := espeakMissing(); why != "" {
		m.report.Voice.Why, m.report.Voice.Fix = why, fixEspeak
	} else if why := absent(f.voice, f.voiceConfig); why != "" {
		m.report.Voice.Why, m.report.Voice.Fix = why, fixModels
	} else if v, err := openPiper(f, log); err != nil {
		m.report.Voice.Why, m.report.Voice.Fix = reason(err), fixModels
	} else {
		m.voice, m.report.Voice = v, Part{Level: VoicePiper}
		closers = append(closers, v.close)
	}
	return m
}

// loadSmartTurn opens the judge of the ends of turns, or says why there is none.
func loadSmartTurn(path string) (s *smartTurn, why string) {
	if why := absent(path); why != "" {
		return nil, why
	}
	s, err := openSmartTurn(path)
	if err != nil {
		return nil, reason(err)
	}
	return s, ""
}

// fixModel is the command that fetches a recogniser.
func fixModel(stt string) string {
	if stt == "base" {
		return "PARLEY_STT_MODEL=base " + fixModels
	}
	return fixModels
}
