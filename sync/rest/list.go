package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	crmsync "patchcord/sync"
)

// lister is a List that was looked at.
type lister struct {
	list List
	path crmsync.Template
}

var paging = []string{"page", "offset", "cursor", "size"}

func newLister(at string, l List, known []string, p *problems) *lister {
	if l.Size == 0 {
		l.Size = 100
	}
	t, err := crmsync.ParseTemplate(l.Path, append(known, paging...))
	p.check(at+".path", err)
	if !strings.HasPrefix(l.Path, "/") {
		p.add(at+".path", "want a path that begins with /")
	}
	switch l.By {
	case "":
	case "page", "offset", "cursor":
		if !strings.Contains(l.Path, "{"+l.By+"}") {
			p.add(at+".path", "does not say where {"+l.By+"} goes")
		}
	case "next":
	default:
		p.add(at+".by", "is none of page, offset, cursor, next")
	}
	if (l.By == "cursor" || l.By == "next") && l.Next == "" {
		p.add(at+".next", "say where in the answer it stands")
	}
	return &lister{l, t}
}

// read returns the records of a page and the place of the next, "" at the end. "" asks for the first.
func (r *Connector) read(ctx context.Context, l *lister, place string, values map[string]any) (list []any, next string, a crmsync.Answer, err error) {
	at := r.cfg.URL + l.path.Expand(func(name string) any { return l.value(name, place, values) }, pathText)
	if l.list.By == "next" && place != "" {
		if at, err = r.within(place); err != nil {
			return nil, "", a, err
		}
	}
	a, body, _, err := r.do(ctx, crmsync.Request{Method: http.MethodGet, URL: at, Reads: true}, false)
	if err != nil {
		return nil, "", a, err
	}
	list = records(body, l.list.Items)
	return list, l.next(place, len(list), body), a, nil
}

func (l *lister) value(name, place string, values map[string]any) any {
	n, _ := strconv.Atoi(place) // "" is the beginning
	switch name {
	case "page":
		if l.list.First != nil {
			return int64(*l.list.First + n)
		}
		return int64(1 + n)
	case "offset":
		return int64(n)
	case "cursor":
		return place
	case "size":
		return int64(l.list.Size)
	}
	return values[name]
}

// next returns the place behind a page of n records.
func (l *lister) next(place string, n int, body any) string {
	at, _ := strconv.Atoi(place)
	switch {
	case l.list.By == "cursor", l.list.By == "next":
		return text(body, l.list.Next)
	case l.list.By == "" || n < l.list.Size:
		return ""
	case l.list.By == "page":
		return strconv.Itoa(at + 1)
	}
	return strconv.Itoa(at + n)
}

// within returns the address of a next page. Our credentials go with it, so it must be at the system's own origin.
func (r *Connector) within(next string) (string, error) {
	base, err := url.Parse(r.cfg.URL)
	if err != nil {
		return "", fmt.Errorf("address: %w", err)
	}
	at, err := base.Parse(next)
	if err != nil || at.Scheme != base.Scheme || at.Host != base.Host {
		return "", &crmsync.PushError{Class: crmsync.Permanent, Reason: "the next page is said to be at another address", Err: err}
	}
	return at.String(), nil
}
