package providertest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// graphTypes are the most bytes of types of files.
var graphTypes = map[string]int{
	"audio/aac": 16 << 20, "audio/mp4": 16 << 20, "audio/mpeg": 16 << 20, "audio/amr": 16 << 20, "audio/ogg": 16 << 20, "audio/opus": 16 << 20,
	"image/jpeg": 5 << 20, "image/png": 5 << 20, "video/mp4": 16 << 20, "video/3gpp": 16 << 20, "image/webp": 500 << 10,
	"text/plain": 100 << 20, "application/pdf": 100 << 20, "application/msword": 100 << 20,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": 100 << 20,
}

// upload takes a file.
func (f *WhatsApp) upload(r *http.Request) answer {
	if id := r.PathValue("number"); id != f.number() {
		return noObject(id)
	}
	r.Body = io.NopCloser(io.LimitReader(r.Body, 110<<20))
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		return graphError(0, 100, err.Error())
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	file, head, err := r.FormFile("file")
	if err != nil || r.FormValue("messaging_product") != "whatsapp" {
		return graphError(0, 131008, "file, messaging_product")
	}
	content, err := io.ReadAll(file)
	kind, _, bad := mime.ParseMediaType(head.Header.Get("Content-Type"))
	most, known := graphTypes[kind]
	switch {
	case err != nil || bad != nil || !known:
		return graphError(0, 131053, "Param file must be a file with one of the following types: "+kind)
	case len(content) == 0 || len(content) > most:
		return graphError(0, 131053, "the file is too large, or empty")
	}
	f.lock()
	defer f.mu.Unlock()
	return answer{body: map[string]any{"id": f.keep(head.Header.Get("Content-Type"), content, true)}}
}

// keep keeps a file. mu is held.
func (f *WhatsApp) keep(kind string, content []byte, uploaded bool) string {
	file := &WhatsAppFile{ID: strings.TrimLeft(f.id("7"), "0"), Type: kind, Content: content, Uploaded: uploaded}
	f.files[file.ID] = file
	return file.ID
}

// Put keeps a file that a person has sent, and returns its id and the SHA-256 that a webhook tells of it.
func (f *WhatsApp) Put(kind string, content []byte) (id, sum string) {
	f.lock()
	defer f.mu.Unlock()
	return f.keep(kind, content, false), sumOf(content)
}

// File is one that is kept; false: there is none.
func (f *WhatsApp) File(id string) (WhatsAppFile, bool) {
	f.lock()
	defer f.mu.Unlock()
	file := f.files[id]
	if file == nil {
		return WhatsAppFile{}, false
	}
	return *file, true
}

// Expire ends the time of all URLs that were told.
func (f *WhatsApp) Expire() {
	f.lock()
	defer f.mu.Unlock()
	for _, file := range f.files {
		file.token = ""
	}
}

// Drop forgets a file.
func (f *WhatsApp) Drop(id string) {
	f.lock()
	defer f.mu.Unlock()
	delete(f.files, id)
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// located tells where a file is.
func (f *WhatsApp) located(r *http.Request, id string) answer {
	f.lock()
	defer f.mu.Unlock()
	file := f.files[id]
	if file == nil || r.URL.Query().Get("phone_number_id") != f.number() {
		return noObject(id)
	}
	file.token, file.expires = f.id("t"), f.now().Add(f.Limits.orDefaults().URL)
	return answer{body: map[string]any{
		"messaging_product": "whatsapp", "url": f.base + "/whatsapp_business/attachments/?mid=" + id + "&ext=" + file.token, "mime_type": file.Type,
		"sha256": sumOf(file.Content), "file_size": strconv.Itoa(len(file.Content)), "id": id,
	}}
}

// download hands out a file, for as long as its URL is good.
func (f *WhatsApp) download(r *http.Request) answer {
	f.lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	file := f.files[q.Get("mid")]
	if file == nil || file.token == "" || q.Get("ext") != file.token || f.now().After(file.expires) {
		return answer{status: http.StatusNotFound, body: []byte("Not Found")}
	}
	return answer{header: http.Header{"Content-Type": {file.Type}}, body: file.Content}
}

// moved sends who asks for a file to where another server has it.
func (f *WhatsApp) moved(r *http.Request) answer {
	return answer{status: http.StatusFound, header: http.Header{"Location": {r.URL.Query().Get("to")}}, body: []byte{}}
}

// forget forgets a file.
func (f *WhatsApp) forget(r *http.Request) answer {
	f.lock()
	defer f.mu.Unlock()
	id := r.PathValue("id")
	if f.files[id] == nil {
		return noObject(id)
	}
	delete(f.files, id)
	return success()
}
