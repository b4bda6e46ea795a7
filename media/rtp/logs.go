package rtp

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// Logs hand on what pion says to log. Most of it can be brought about by anybody who sends a packet, so all of it is for those who debug.
func Logs(log *slog.Logger) logging.LoggerFactory { return logs{log: log} }

type logs struct {
	log   *slog.Logger
	scope string
}

var (
	_ logging.LoggerFactory = logs{}
	_ logging.LeveledLogger = logs{}
)

func (l logs) NewLogger(scope string) logging.LeveledLogger { return logs{l.log, scope} }

func (l logs) say(level, format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("pion", "scope", l.scope, "level", level, "says", fmt.Sprintf(format, args...))
	}
}

func (l logs) Trace(string)          {} // of each packet
func (l logs) Tracef(string, ...any) {}

func (l logs) Debug(m string)            { l.say("debug", "%s", m) }
func (l logs) Debugf(f string, a ...any) { l.say("debug", f, a...) }
func (l logs) Info(m string)             { l.say("info", "%s", m) }
func (l logs) Infof(f string, a ...any)  { l.say("info", f, a...) }
func (l logs) Warn(m string)             { l.say("warn", "%s", m) }
func (l logs) Warnf(f string, a ...any)  { l.say("warn", f, a...) }
func (l logs) Error(m string)            { l.say("error", "%s", m) }
func (l logs) Errorf(f string, a ...any) { l.say("error", f, a...) }
