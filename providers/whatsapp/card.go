package whatsapp

import "parley/providers/message"

// wireCard is a card as both directions have it.
type wireCard struct {
	Name struct {
		Full   string `json:"formatted_name"`
		First  string `json:"first_name,omitempty"`
		Last   string `json:"last_name,omitempty"`
		Middle string `json:"middle_name,omitempty"`
		Prefix string `json:"prefix,omitempty"`
		Suffix string `json:"suffix,omitempty"`
	} `json:"name"`
	Phones    []wirePhone   `json:"phones,omitempty"`
	Emails    []wireEmail   `json:"emails,omitempty"`
	Addresses []wireAddress `json:"addresses,omitempty"`
	URLs      []wireURL     `json:"urls,omitempty"`
	Org       *wireOrg      `json:"org,omitempty"`
	Birthday  string        `json:"birthday,omitempty"`
}

type wirePhone struct {
	Phone string `json:"phone"`
	Type  string `json:"type,omitempty"`
	ID    string `json:"wa_id,omitempty"`
}

type wireEmail struct {
	Email string `json:"email"`
	Type  string `json:"type,omitempty"`
}

type wireURL struct {
	URL  string `json:"url"`
	Type string `json:"type,omitempty"`
}

type wireAddress struct {
	Street      string `json:"street,omitempty"`
	City        string `json:"city,omitempty"`
	State       string `json:"state,omitempty"`
	Zip         string `json:"zip,omitempty"`
	Country     string `json:"country,omitempty"`
	CountryCode string `json:"country_code,omitempty"`
	Type        string `json:"type,omitempty"`
}

type wireOrg struct {
	Company string `json:"company,omitempty"`
	Section string `json:"department,omitempty"`
	Title   string `json:"title,omitempty"`
}

// card is w in our words.
func (w wireCard) card() message.Card {
	c := message.Card{Birthday: w.Birthday}
	c.Name = message.CardName(w.Name)
	for _, p := range w.Phones {
		c.Phones = append(c.Phones, message.CardPhone(p))
	}
	for _, e := range w.Emails {
		c.Emails = append(c.Emails, message.CardEmail(e))
	}
	for _, u := range w.URLs {
		c.URLs = append(c.URLs, message.CardURL(u))
	}
	for _, a := range w.Addresses {
		c.Addresses = append(c.Addresses, message.CardAddress(a))
	}
	if w.Org != nil {
		c.Company, c.Section, c.Title = w.Org.Company, w.Org.Section, w.Org.Title
	}
	return c
}

// wire is a card in Meta's words.
func wire(c message.Card) wireCard {
	w := wireCard{Birthday: c.Birthday}
	w.Name.Full, w.Name.First, w.Name.Last = c.Name.Full, c.Name.First, c.Name.Last
	w.Name.Middle, w.Name.Prefix, w.Name.Suffix = c.Name.Middle, c.Name.Prefix, c.Name.Suffix
	for _, p := range c.Phones {
		w.Phones = append(w.Phones, wirePhone(p))
	}
	for _, e := range c.Emails {
		w.Emails = append(w.Emails, wireEmail(e))
	}
	for _, u := range c.URLs {
		w.URLs = append(w.URLs, wireURL(u))
	}
	for _, a := range c.Addresses {
		w.Addresses = append(w.Addresses, wireAddress(a))
	}
	if c.Company != "" || c.Section != "" || c.Title != "" {
		w.Org = &wireOrg{c.Company, c.Section, c.Title}
	}
	return w
}
