package providertest

// A sampleMessage is the part of a message that says something.
type sampleMessage struct {
	name    string
	message map[string]any
}

// sampleMessages are messages of every type.
func sampleMessages() []sampleMessage {
	file := func(kind, mime string, more map[string]any) map[string]any {
		media := map[string]any{"id": "1003383421387256", "mime_type": mime, "sha256": "SfInY0gGKTsn9WuSpxCNbfvJFrWhAnOhfxfHpQ9xbzg="}
		for k, v := range more {
			media[k] = v
		}
		return map[string]any{"type": kind, kind: media}
	}
	answered := map[string]any{"from": "15550783881", "id": "wamid.parent"}
	tapped := func(kind string, reply map[string]any) map[string]any {
		return map[string]any{"type": "interactive", "context": answered, "interactive": map[string]any{"type": kind, kind: reply}}
	}
	return []sampleMessage{
		{"text", map[string]any{"type": "text", "text": map[string]any{"body": "Hello"}}},
		{"hidden", map[string]any{"from": "", "type": "text", "text": map[string]any{"body": "I have no number"}}},
		{"image", file("image", "image/jpeg", map[string]any{"caption": "photo"})},
		{"audio", file("audio", "audio/ogg; codecs=opus", map[string]any{"voice": true})},
		{"video", file("video", "video/mp4", map[string]any{"caption": "film"})},
		{"document", file("document", "application/pdf", map[string]any{"filename": "receipt.pdf", "caption": "the receipt"})},
		{"sticker", file("sticker", "image/webp", map[string]any{"animated": false})},
		{"with_url", file("image", "image/jpeg", map[string]any{"url": "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1"})},
		{"location", map[string]any{"type": "location", "location": map[string]any{
			"latitude": 37.44221496582, "longitude": -122.16165924072, "name": "Philz", "address": "101 Forest Ave", "url": "https://philz.example",
		}}},
		{"location_text", map[string]any{"type": "location", "location": map[string]any{"latitude": "37.5", "longitude": "-122.25"}}},
		{"contacts", map[string]any{"type": "contacts", "contacts": []any{map[string]any{
			"name":   map[string]any{"formatted_name": "Lucía Gómez", "first_name": "Lucía", "last_name": "Gómez"},
			"phones": []any{map[string]any{"phone": "+1 (983) 555-2319", "wa_id": "19835552319", "type": "MOBILE"}},
			"org":    map[string]any{"company": "Acme"}, "emails": []any{}, "addresses": []any{}, "urls": []any{},
		}}}},
		{"button_reply", tapped("button_reply", map[string]any{"id": "cancel-button", "title": "Cancel"})},
		{"list_reply", tapped("list_reply", map[string]any{"id": "prio", "title": "Priority", "description": "Next day"})},
		{"nfm_reply", tapped("nfm_reply", map[string]any{"name": "flow", "body": "Sent", "response_json": `{"flow_token":"t"}`})},
		{"call_permission_reply", tapped("call_permission_reply", map[string]any{
			"response": "accept", "is_permanent": false, "expiration_timestamp": 1760604800, "response_source": "user_action",
		})},
		{"button", map[string]any{"type": "button", "context": answered, "button": map[string]any{"payload": "Unsubscribe", "text": "Stop it"}}},
		{"reaction", map[string]any{"type": "reaction", "reaction": map[string]any{"message_id": "wamid.ours", "emoji": "👍"}}},
		{"reaction_removed", map[string]any{"type": "reaction", "reaction": map[string]any{"message_id": "wamid.ours"}}},
		{"order", map[string]any{"type": "order", "order": map[string]any{"catalog_id": "194836987003835", "text": "soon please", "product_items": []any{
			map[string]any{"product_retailer_id": "di9", "quantity": 2, "item_price": 30, "currency": "USD"},
		}}}},
		{"system", map[string]any{"type": "system", "system": map[string]any{
			"body": "User A changed from 16505551234 to 12195555358", "wa_id": "12195555358", "type": "user_changed_number",
		}}},
		{"system_user", map[string]any{"type": "system", "system": map[string]any{
			"body": "A has another id", "user_id": "US.2", "previous_user_id": "US.13491208655302741918", "type": "user_changed_user_id",
		}}},
		{"unsupported", map[string]any{"type": "unsupported", "unsupported": map[string]any{"type": "poll"}, "errors": []any{map[string]any{
			"code": 131051, "title": "Message type unknown", "message": "Message type unknown", "error_data": map[string]any{"details": "It is not supported."},
		}}}},
		{"request_welcome", map[string]any{"type": "request_welcome"}},
		{"of_tomorrow", map[string]any{"type": "hologram", "hologram": map[string]any{"id": "1"}}},
		{"forwarded", map[string]any{"type": "text", "text": map[string]any{"body": "see this"}, "context": map[string]any{"frequently_forwarded": true}}},
		{"of_a_product", map[string]any{"type": "text", "text": map[string]any{"body": "is it blue?"}, "context": map[string]any{
			"from": "15550783881", "id": "wamid.catalogue", "referred_product": map[string]any{"catalog_id": "194836987003835", "product_retailer_id": "di9"},
		}}},
		{"from_an_ad", map[string]any{"type": "text", "text": map[string]any{"body": "I saw your ad"}, "referral": map[string]any{
			"source_url": "https://fb.example/1", "source_id": "120", "source_type": "ad", "headline": "Chairs", "body": "All of them", "media_type": "image",
			"image_url": "https://fb.example/1.jpg", "ctwa_clid": "ARA", "welcome_message": map[string]any{"text": "Hi!"},
		}}},
	}
}
