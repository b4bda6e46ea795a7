package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// BotOwner implements store.Threads.
func (s *Store) BotOwner(ctx context.Context, bot string) (org string, err error) {
	err = s.read(ctx, "find bot", func(ctx context.Context, u unit) error {
		org, err = u.BotOwner(ctx, bot)
		return err
	})
	return org, err
}

// Receive implements store.Threads. Of those who receive in one thread at once, each waits for the one before: the thread's row is written first.
func (s *Store) Receive(ctx context.Context, r store.Received) (got store.Reception, err error) {
	err = s.write(ctx, "receive message", func(ctx context.Context, u unit) error {
		got = store.Reception{}
		if _, err := u.bot(ctx, r.Org, r.Bot); err != nil {
			return fmt.Errorf("find bot: %w", err)
		}
		thread, err := u.threadOf(ctx, r)
		if err != nil {
			return err
		}
		got.Began = thread.began
		row, err := u.ReceiveIn(ctx, db.ReceiveInParams{ID: thread.id, Updated: db.Time(r.Message.Created)})
		if err != nil {
			return err
		}
		r.Message.Conversation = thread.id
		made, err := u.addMessage(ctx, r.Message)
		if errors.Is(err, store.ErrConflict) {
			if got.Conversation, err = u.conversation(ctx, r.Org, thread.id); err == nil {
				err = errUnchanged
			}
			return err
		}
		if err != nil {
			return err
		}
		got.Message, got.Fresh = made.ID, true
		if !row.ContactID.Valid {
			if err := u.introduce(ctx, r, thread.id); err != nil {
				return err
			}
		}
		if r.Fetch {
			if err := u.addWork(ctx, r, store.FetchJob, made); err != nil {
				return err
			}
		}
		if r.Hear {
			err = u.addWork(ctx, r, store.HearJob, made)
		} else {
			err = u.mayReply(ctx, reply{r.Org, r.Bot, thread.id, r.Reply, r.Latest}, row.Autoreply, store.ConversationStatus(row.Status))
		}
		if err != nil {
			return err
		}
		got.Conversation, err = u.conversation(ctx, r.Org, thread.id)
		return err
	})
	if err != nil {
		return store.Reception{}, err
	}
	return got, nil
}

// addWork has something done about a message that was received.
func (u unit) addWork(ctx context.Context, r store.Received, kind store.JobKind, m db.ThreadMessage) error {
	now := db.Time(time.Now())
	_, err := u.AddJob(ctx, db.AddJobParams{
		ID: store.NewID(), Org: r.Org, Bot: r.Bot, Kind: string(kind), Key: m.ID, Thread: m.Conversation, Due: now, Latest: now, Created: now,
	})
	return err
}

// Begin implements store.Threads.
func (s *Store) Begin(ctx context.Context, r store.Received) (got store.Reception, err error) {
	err = s.write(ctx, "begin thread", func(ctx context.Context, u unit) error {
		got = store.Reception{}
		if _, err := u.bot(ctx, r.Org, r.Bot); err != nil {
			return fmt.Errorf("find bot: %w", err)
		}
		thread, err := u.threadOf(ctx, r)
		if err != nil {
			return err
		}
		got.Began = thread.began
		if got.Conversation, err = u.conversation(ctx, r.Org, thread.id); err != nil || got.Conversation.Contact != "" {
			return err
		}
		if err := u.introduce(ctx, r, thread.id); err != nil {
			return err
		}
		got.Conversation, err = u.conversation(ctx, r.Org, thread.id)
		return err
	})
	if err != nil {
		return store.Reception{}, err
	}
	return got, nil
}

// A foundThread is the thread of somebody with a bot.
type foundThread struct {
	id    string
	began bool
}

// threadOf finds the thread of a message, or begins it. Of two who begin it at once, one does; the other waits, and finds it.
func (u unit) threadOf(ctx context.Context, r store.Received) (t foundThread, err error) {
	for _, peer := range r.Peers {
		t.id, err = u.ThreadOfPeer(ctx, db.ThreadOfPeerParams{Bot: r.Bot, Peer: peer})
		if err == nil {
			break
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return t, err
		}
	}
	if t.id == "" {
		if t, err = u.beginThread(ctx, r); err != nil {
			return t, err
		}
	}
	for i, peer := range r.Peers {
		if _, err := u.ClaimPeer(ctx, db.ClaimPeerParams{Bot: r.Bot, Peer: peer, Conversation: t.id, Place: int64(i)}); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (u unit) beginThread(ctx context.Context, r store.Received) (foundThread, error) {
	if len(r.Peers) == 0 {
		return foundThread{}, errors.New("a message is nobody's")
	}
	id := store.NewID()
	n, err := u.ClaimPeer(ctx, db.ClaimPeerParams{Bot: r.Bot, Peer: r.Peers[0], Conversation: id})
	if err != nil {
		return foundThread{}, err
	}
	if n == 0 {
		id, err = u.ThreadOfPeer(ctx, db.ThreadOfPeerParams{Bot: r.Bot, Peer: r.Peers[0]})
		return foundThread{id: id}, err
	}
	at := db.Time(r.Message.Created)
	if err := u.InsertConversation(ctx, db.InsertConversationParams{
		ID: id, Org: r.Org, Bot: r.Bot, Channel: string(store.WhatsApp), External: r.Peers[0], Status: string(store.ConversationActive),
		Length: int64(store.NoLength), Metadata: r.Metadata, Autoreply: true, Created: at, Updated: at,
	}); err != nil {
		return foundThread{}, err
	}
	return foundThread{id: id, began: true}, u.countBots(ctx, map[string]int64{r.Bot: 1})
}

// introduce makes whoever has written the thread's contact.
func (u unit) introduce(ctx context.Context, r store.Received, thread string) error {
	number, err := u.acquaint(ctx, r)
	if err != nil {
		return err
	}
	return u.SetThreadContact(ctx, db.SetThreadContactParams{ID: thread, ContactID: optional(strconv.FormatInt(number, 10))})
}

// acquaint finds the contact who has written, or makes one.
func (u unit) acquaint(ctx context.Context, r store.Received) (number int64, err error) {
	for _, peer := range r.Peers {
		n, err := u.ContactAt(ctx, db.ContactAtParams{Org: r.Org, Text: store.Fold(clipped(peer))})
		if !errors.Is(err, sql.ErrNoRows) {
			return n, err
		}
	}
	first, last, _ := strings.Cut(strings.TrimSpace(r.Name), " ")
	c := store.Contact{ID: store.NewID(), Org: r.Org, FirstName: first, LastName: strings.TrimSpace(last), Created: r.Message.Created}
	for _, peer := range r.Peers {
		c.Addresses = append(c.Addresses, store.Address{Channel: store.ChannelWhatsApp, Address: peer})
	}
	made, err := u.createContact(ctx, c)
	return made.Number, err
}

// A reply is when a bot is to answer a thread, and how long that may be put off; never, if due is zero.
type reply struct {
	org, bot, thread string
	due, latest      time.Time
}

// mayReply has the bot answer, or puts that off, where it answers by itself and no human has the thread.
func (u unit) mayReply(ctx context.Context, r reply, auto bool, status store.ConversationStatus) error {
	if r.due.IsZero() || !auto || status == store.ConversationEscalated {
		return nil
	}
	return u.PostponeJob(ctx, db.PostponeJobParams{
		ID: store.NewID(), Org: r.org, Bot: r.bot, Kind: string(store.ReplyJob), Key: r.thread, Thread: r.thread, Due: db.Time(r.due), Latest: db.Time(r.latest),
		Created: db.Time(time.Now()),
	})
}

// Heard implements store.Threads.
func (s *Store) Heard(ctx context.Context, w store.Words) error {
	return s.write(ctx, "note words", func(ctx context.Context, u unit) error {
		j := w.Job
		if err := u.endJob(ctx, j, "", time.Now()); err != nil {
			return err
		}
		if err := u.PutWords(ctx, db.PutWordsParams{ID: j.Key, Conversation: j.Thread, Content: w.Text}); err != nil {
			return err
		}
		if err := u.noteWords(ctx, j, store.Telling{Words: w.Text, Summary: w.Summary, Failure: w.Failure}, time.Now()); err != nil {
			return err
		}
		c, err := u.conversation(ctx, w.Org, j.Thread)
		if err != nil {
			return err
		}
		return u.mayReply(ctx, reply{w.Org, j.Bot, j.Thread, w.Reply, w.Latest}, c.AutoReply, c.Status)
	})
}

// Post implements store.Threads.
func (s *Store) Post(ctx context.Context, p store.Posting) (made store.ThreadMessage, err error) {
	err = s.write(ctx, "post message", func(ctx context.Context, u unit) error {
		if made, err = u.post(ctx, p); err != nil {
			return err
		}
		for _, next := range p.More {
			next.Org = p.Org
			if _, err := u.post(ctx, next); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return store.ThreadMessage{}, err
	}
	return made, nil
}

// post writes a message and the job that sends it.
func (u unit) post(ctx context.Context, p store.Posting) (store.ThreadMessage, error) {
	m := p.Message
	n, err := u.TouchConversation(ctx, db.TouchConversationParams{Org: p.Org, ID: m.Conversation, Updated: db.Time(m.Created)})
	if err != nil {
		return store.ThreadMessage{}, err
	}
	if n == 0 {
		return store.ThreadMessage{}, store.ErrNotFound
	}
	if err := u.stillDue(ctx, p); err != nil {
		return store.ThreadMessage{}, err
	}
	row, err := u.addMessage(ctx, m)
	if err != nil {
		return store.ThreadMessage{}, err
	}
	_, err = u.AddJob(ctx, db.AddJobParams{
		ID: p.Job.ID, Org: p.Org, Bot: p.Job.Bot, Kind: string(store.SendJob), Key: m.ID, Thread: m.Conversation, Body: p.Job.Body, Due: db.Time(p.Job.Due),
		Latest: db.Time(p.Job.Due), Created: db.Time(m.Created),
	})
	return threadMessage(row), err
}

// stillDue says why a bot's answer is due no more, and ends the job that it answers.
func (u unit) stillDue(ctx context.Context, p store.Posting) error {
	if p.After == "" {
		return nil
	}
	last, err := u.LastOfThread(ctx, p.Message.Conversation)
	if err != nil {
		return err
	}
	c, err := u.conversation(ctx, p.Org, p.Message.Conversation)
	if err != nil {
		return err
	}
	if last != p.After || !c.AutoReply || c.Status == store.ConversationEscalated {
		return fmt.Errorf("%w: the thread has gone on", store.ErrConflict)
	}
	if p.Answers == nil {
		return nil
	}
	return u.endJob(ctx, *p.Answers, "", p.Message.Created)
}

// Sent implements store.Threads. What became of a message is kept also if another node has its job by now.
func (s *Store) Sent(ctx context.Context, j store.Job, external, failure string, at time.Time) error {
	return s.write(ctx, "note sent message", func(ctx context.Context, u unit) error {
		var err error
		if external != "" {
			_, err = u.NameMessage(ctx, db.NameMessageParams{ID: j.Key, Bot: j.Bot, External: external})
		} else if failure != "" {
			_, err = u.FailMessage(ctx, db.FailMessageParams{ID: j.Key, Bot: j.Bot, Error: failure})
		}
		if err != nil {
			return err
		}
		return u.DropJobOf(ctx, db.DropJobOfParams{Bot: j.Bot, Kind: string(store.SendJob), Key: j.Key})
	})
}

// Receipted implements store.Threads.
func (s *Store) Receipted(ctx context.Context, r store.Receipt) (conversation, message string, err error) {
	err = s.write(ctx, "note receipt", func(ctx context.Context, u unit) error {
		conversation, message = "", ""
		changed, err := u.PutReceipt(ctx, db.PutReceiptParams{
			Bot: r.Bot, External: r.External, Status: string(r.Status), Rank: r.Status.Rank(), Error: r.Error, Created: db.Time(r.At),
		})
		if err != nil {
			return err
		}
		if r.Message != "" {
			n, err := u.NameMessage(ctx, db.NameMessageParams{ID: r.Message, Bot: r.Bot, External: r.External})
			if err != nil {
				return err
			}
			changed += n
		}
		if changed == 0 {
			return errUnchanged
		}
		row, err := u.MessageOf(ctx, db.MessageOfParams{Bot: r.Bot, External: r.External})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		conversation, message = row.Conversation, row.ID
		return err
	})
	return conversation, message, err
}

// ThreadMessage implements store.Threads.
func (s *Store) ThreadMessage(ctx context.Context, org, conversation, id string) (m store.ThreadMessage, err error) {
	err = s.read(ctx, "read message", func(ctx context.Context, u unit) error {
		r, err := u.ThreadMessage(ctx, db.ThreadMessageParams{Org: org, Conversation: conversation, ID: id})
		m = toldOf(r.ThreadMessage, r.Told, r.ToldError)
		return err
	})
	return m, err
}

// LastMessages implements store.Threads: ErrNotFound if there is no such conversation.
func (s *Store) LastMessages(ctx context.Context, org, conversation string, most int) (all []store.ThreadMessage, err error) {
	err = s.read(ctx, "read messages", func(ctx context.Context, u unit) error {
		limit, _ := bounds(store.Page{Limit: most})
		found, err := u.LastMessages(ctx, db.LastMessagesParams{Org: org, ID: conversation, HowMany: limit})
		all = each(found, func(r db.LastMessagesRow) store.ThreadMessage { return toldOf(r.ThreadMessage, r.Told, r.ToldError) })
		if slices.Reverse(all); err != nil || len(all) > 0 {
			return err
		}
		_, err = u.conversation(ctx, org, conversation)
		return err
	})
	return all, err
}

// LastReceived implements store.Threads.
func (s *Store) LastReceived(ctx context.Context, org, conversation string) (m store.ThreadMessage, err error) {
	err = s.read(ctx, "read message", func(ctx context.Context, u unit) error {
		row, err := u.LastReceived(ctx, db.LastReceivedParams{Org: org, Conversation: conversation})
		m = threadMessage(row)
		return err
	})
	return m, err
}

// Peers implements store.Threads: ErrNotFound if there is no such thread.
func (s *Store) Peers(ctx context.Context, org, conversation string) (peers []string, err error) {
	err = s.read(ctx, "read peers", func(ctx context.Context, u unit) error {
		peers, err = u.PeersOfThread(ctx, db.PeersOfThreadParams{Org: org, ID: conversation})
		if err == nil && len(peers) == 0 {
			return store.ErrNotFound
		}
		return err
	})
	return peers, err
}
