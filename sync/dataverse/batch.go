package dataverse

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	crmsync "patchcord/sync"
)

// step is one PATCH of a change set.
type step struct {
	path string
	body map[string]any
}

// batch sends change sets, each all or nothing and independent of the others, and returns the first
// refusal of each, or what it answered last.
func (d *Connector) batch(ctx context.Context, sets [][]step) ([]crmsync.Answer, error) {
	boundary := "batch_" + rand.Text()
	body, err := d.compose(boundary, sets)
	if err != nil {
		return nil, &crmsync.PushError{Class: crmsync.Permanent, Reason: "the request cannot be made", Err: err}
	}
	a, err := d.do(ctx, crmsync.Request{
		Method: http.MethodPost, URL: "$batch", Body: body,
		Header: http.Header{"Content-Type": {`multipart/mixed; boundary="` + boundary + `"`}, "Prefer": {"odata.continue-on-error"}},
	})
	if err != nil {
		return nil, err
	}
	answers, err := parts(a.Header.Get("Content-Type"), a.Body)
	if err != nil || len(answers) != len(sets) {
		return nil, &crmsync.PushError{Class: crmsync.Ambiguous, Reason: fmt.Sprintf("%d answers to %d change sets", len(answers), len(sets)), Err: err}
	}
	return answers, nil
}

// compose writes the body; lines end with CRLF, and every part names its whole path.
func (d *Connector) compose(boundary string, sets [][]step) ([]byte, error) {
	var b bytes.Buffer
	id := 0
	for n, set := range sets {
		inner := fmt.Sprintf("changeset_%d_%s", n, boundary[6:])
		fmt.Fprintf(&b, "--%s\r\nContent-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n", boundary, inner)
		for _, s := range set {
			body, err := json.Marshal(s.body)
			if err != nil {
				return nil, err
			}
			id++
			fmt.Fprintf(&b, "--%s\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: %d\r\n\r\n", inner, id)
			fmt.Fprintf(&b, "PATCH %s%s HTTP/1.1\r\nContent-Type: application/json; type=entry\r\n\r\n%s\r\n", root, s.path, body)
		}
		fmt.Fprintf(&b, "--%s--\r\n", inner)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return b.Bytes(), nil
}

// parts reads a multipart answer: one Answer for each part, of a change set its first refusal, else its last.
func parts(contentType string, body []byte) ([]crmsync.Answer, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	var answers []crmsync.Answer
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return answers, err
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return answers, err
		}
		answer, err := part(p.Header.Get("Content-Type"), content)
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
	}
}

func part(contentType string, content []byte) (crmsync.Answer, error) {
	if strings.HasPrefix(contentType, "multipart/") {
		inner, err := parts(contentType, content)
		if err != nil || len(inner) == 0 {
			return crmsync.Answer{}, fmt.Errorf("change set: %d answers: %w", len(inner), err)
		}
		for _, a := range inner {
			if a.Status >= 300 {
				return a, nil
			}
		}
		return inner[len(inner)-1], nil
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(content)), nil)
	if err != nil {
		return crmsync.Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if errors.Is(err, io.ErrUnexpectedEOF) { // the length counts what the line end before a boundary is not
		err = nil
	}
	return crmsync.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, err
}
