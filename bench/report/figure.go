package report

import (
	"math"
	"strconv"
	"strings"
)

// A Figure is what a name of Times or Counts stands for, to a reader.
type Figure struct {
	Name    string // as a Step has it
	Title   string
	Meaning string
}

// TimeFigures are the names of Times, in the order in which a reader wants them.
func TimeFigures() []Figure {
	return []Figure{
		{Lateness, "Frame lateness", "how late a frame of the agent's came, against its stream's own schedule"},
		{VoiceVoice, "Voice to voice", "from the caller's last voiced frame to the agent's first"},
		{Added, "Added by the gateway", "voice to voice, less the chosen hangover and the vendors' set delays"},
		{FrameToSTT, "Frame to recogniser", "from a frame that the carrier sent to its arrival at the recogniser's socket"},
		{TTSToFrame, "Voice to carrier", "from the voice's first sound of an utterance to its arrival at the carrier's socket"},
		{ToClear, "Barge-in to clear", "from the frame that makes the caller's speech certain to the message that silences the agent"},
		{ToSilence, "Barge-in to silence", "from the frame that makes the caller's speech certain to the agent's last sound, where the carrier has no clear"},
		{DecisionClear, "Decision to clear", "as the server has it: from the decision that the agent yields until the carrier's socket has the message that silences it"},
		{SetUp, "Set-up", "from asking the voice webhook to the open stream"},
		{Greeting, "Greeting", "from asking the voice webhook to the agent's first speech"},
		{Refusal, "Refusal", "from asking the voice webhook to its refusal"},
		{API, "Control plane", "a request to the API beside the calls"},
		{WordWait, "Words", "from the end of the caller's turn to its words"},
		{SpeechWait, "Local speech's queue", "how long a task that a caller waits for waited for a worker"},
		{SendLate, "Generator lateness", "how late the generator itself sent a frame, against its schedule"},
	}
}

// CountFigures are the names of Counts, in the order in which a reader wants them.
func CountFigures() []Figure {
	return []Figure{
		{FramesIn, "Frames sent", "frames of 20 ms that the callers sent"},
		{Voiced, "Frames of speech sent", "of these, frames of what the callers said"},
		{FramesOut, "Frames received", "sound of the agents, in frames of 20 ms"},
		{FramesLost, "Frames lost", "frames that the measured seconds should have held, and did not"},
		{Dry, "Frames dry", "frames that came after they had to sound: the caller heard a gap"},
		{AfterClear, "Media after clear", "sound of the old reply after the caller had cut it off; must be 0"},
		{BargeIns, "Barge-ins", "how often callers spoke over the agent, so that it had to yield"},
		{Missed, "Barge-ins missed", "of these, those that the agent spoke on through"},
		{Turns, "Turns answered", "turns of callers that the agent answered"},
		{Unanswered, "Turns unanswered", "turns of callers without an answer within the script's patience"},
		{Apologies, "Apologies", "how often the agent had to say that something failed, or took too long"},
	}
}

// Number is a number as people read it: three digits, or all before the point. 1234.56 is 1235, 0.04561 is 0.0456.
func Number(v float64) string {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	digits := min(6, max(0, 2-int(math.Floor(math.Log10(math.Abs(v))))))
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.ContainsRune(text, '.') {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}
