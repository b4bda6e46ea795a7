package providertest

import (
	"context"
	"net/http"
)

func (o *OpenAIAudio) realtime(_ context.Context, w http.ResponseWriter, _ *http.Request, _ Trouble) {
	o.refuse(w, "not yet")
}
