package chat

import (
	"fmt"
	"net/url"
	"strings"
)

// Base reads the URL of a vendor's server, without secrets in its error. Its path has no slash at the end.
func Base(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("BaseURL %q is no http or https URL", redacted(u, raw))
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// redacted is a URL without what may be secret in it.
func redacted(u *url.URL, raw string) string {
	if u == nil {
		return strings.SplitN(raw, "?", 2)[0]
	}
	return u.Redacted()
}
