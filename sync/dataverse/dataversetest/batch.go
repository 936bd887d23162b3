package dataversetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
)

// batch is "$batch": plain parts and change sets, addresses absolute or from the root, at most 1000 requests.
func (s *Server) batch(w http.ResponseWriter, r *http.Request) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		write(w, fail(http.StatusBadRequest, "0x0", "a batch needs a boundary"))
		return
	}
	sets, err := readSets(r.Body, params["boundary"])
	if err != nil {
		write(w, fail(http.StatusBadRequest, "0x80048d19", "Invalid batch: "+err.Error()))
		return
	}
	count := 0
	for _, set := range sets {
		count += len(set.requests)
	}
	if count > 1000 {
		write(w, fail(http.StatusBadRequest, "0x80060888", "a batch holds at most 1000 requests"))
		return
	}
	goOn, status := strings.Contains(r.Header.Get("Prefer"), "odata.continue-on-error"), http.StatusOK
	var b bytes.Buffer
	const boundary = "batchresponse_1f2e"
	for _, set := range sets {
		answers := s.run(set)
		last := answers[len(answers)-1]
		if last.status >= 300 && !goOn {
			b.Reset()
			status = last.status
		}
		writeSet(&b, boundary, set.atomic && last.status < 300, answers)
		if last.status >= 300 && !goOn {
			break
		}
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	w.Header().Set("Content-Type", "multipart/mixed; boundary="+boundary)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

type set struct {
	atomic   bool
	requests []*http.Request
}

func readSets(body io.Reader, boundary string) (sets []set, err error) {
	for r := multipart.NewReader(body, boundary); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return sets, nil
		}
		if err != nil {
			return nil, err
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			return nil, err
		}
		if kind == "multipart/mixed" {
			inner, err := readSets(p, params["boundary"])
			if err != nil {
				return nil, err
			}
			all := set{atomic: true}
			for _, i := range inner {
				all.requests = append(all.requests, i.requests...)
			}
			sets = append(sets, all)
			continue
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		req, err := readRequest(content)
		if kind != "application/http" || err != nil {
			return nil, fmt.Errorf("a part is no request: %w", err)
		}
		sets = append(sets, set{requests: []*http.Request{req}})
	}
}

// readRequest reads a part; it has no Content-Length, so its body is what is left.
func readRequest(content []byte) (*http.Request, error) {
	head, body, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(head) + "\r\nHost: org\r\n\r\n")))
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(bytes.TrimRight(body, "\r\n")))
	return req, nil
}

// run does the requests of a set. One that fails undoes its set, and is the only answer.
func (s *Server) run(set set) []response {
	before := len(s.calls)
	undo := map[string]Row{}
	var answers []response
	for _, req := range set.requests {
		path := strings.TrimPrefix(req.URL.Path, root)
		if m := byKey.FindStringSubmatch(path); m != nil && s.find(m) != nil {
			key := s.find(m)[Key].(string)
			if undo[key] == nil {
				undo[key] = maps.Clone(s.byKey[key])
			}
		}
		a := s.one(req.Method, path, req.URL.Query(), decode(req), req.Header.Get("If-Match"))
		if a.status >= 300 && set.atomic {
			s.restore(before, undo)
			return []response{a}
		}
		answers = append(answers, a)
	}
	return answers
}

func (s *Server) restore(before int, undo map[string]Row) {
	for key, row := range undo {
		clear(s.byKey[key])
		maps.Copy(s.byKey[key], row)
	}
	for _, r := range s.calls[before:] {
		delete(s.byKey, r[Key].(string))
	}
	s.calls = s.calls[:before]
}

func writeSet(b *bytes.Buffer, boundary string, atomic bool, answers []response) {
	if atomic {
		fmt.Fprintf(b, "--%s\r\nContent-Type: multipart/mixed; boundary=changesetresponse_2a\r\n\r\n", boundary)
		for i, a := range answers {
			writePart(b, "changesetresponse_2a", a, i+1)
		}
		b.WriteString("--changesetresponse_2a--\r\n")
		return
	}
	for _, a := range answers {
		writePart(b, boundary, a, 0)
	}
}

func writePart(b *bytes.Buffer, boundary string, a response, id int) {
	fmt.Fprintf(b, "--%s\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n", boundary)
	if id > 0 {
		fmt.Fprintf(b, "Content-ID: %d\r\n", id)
	}
	fmt.Fprintf(b, "\r\nHTTP/1.1 %d %s\r\nOData-Version: 4.0\r\n", a.status, http.StatusText(a.status))
	if a.entity != "" {
		fmt.Fprintf(b, "OData-EntityId: %s\r\n", a.entity)
	}
	if a.body == nil {
		b.WriteString("\r\n\r\n")
		return
	}
	body, _ := json.Marshal(a.body) // maps of texts and numbers: it cannot fail
	fmt.Fprintf(b, "Content-Type: application/json; odata.metadata=minimal\r\n\r\n%s\r\n", body)
}

var filterTest = regexp.MustCompile(`^(?:(\w+) (eq|ge|lt) '?([^']*)'?|startswith\((\w+),'([^']*)'\))$`)

// list answers a filter of tests that are all joined by "or" or all by "and".
func (s *Server) list(filter string) response {
	joint := " or "
	if strings.Contains(filter, " and ") {
		joint = " and "
	}
	var tests [][]string
	candidates := s.calls
	for i, t := range strings.Split(filter, joint) {
		m := filterTest.FindStringSubmatch(t)
		if m == nil {
			return fail(http.StatusBadRequest, "0x80060888", "Syntax error in the filter")
		}
		tests = append(tests, m)
		if m[1] == Key && joint == " or " { // the index
			if i == 0 {
				candidates = nil
			}
			if r := s.byKey[m[3]]; r != nil {
				candidates = append(candidates, r)
			}
		}
	}
	rows := []Row{}
	for _, r := range candidates {
		passed := 0
		for _, m := range tests {
			is := fmt.Sprint(r[m[1]])
			if m[2] == "eq" && is == m[3] || m[2] == "ge" && is >= m[3] || m[2] == "lt" && is < m[3] || m[4] != "" && strings.HasPrefix(fmt.Sprint(r[m[4]]), m[5]) {
				passed++
			}
		}
		if passed == len(tests) || passed > 0 && joint == " or " {
			rows = append(rows, r)
		}
	}
	return response{http.StatusOK, map[string]any{"@odata.context": "http://org" + root + "$metadata#phonecalls", "value": rows}, ""}
}
