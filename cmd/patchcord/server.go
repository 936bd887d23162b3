package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// webServer serves one handler on one listener until its context ends.
type webServer struct {
	listener net.Listener
	server   *http.Server
	url      string
}

// listenWeb opens the address of the configuration. Nothing is served before run.
func listenWeb(cfg *Config, h http.Handler, log *slog.Logger) (*webServer, error) {
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; stop what uses it, or set listen to another port", cfg.Listen, err)
	}
	scheme := "http"
	if cfg.TLS != nil {
		files := &certificate{files: *cfg.TLS, log: log}
		if _, err := files.get(nil); err != nil {
			ln.Close()
			return nil, err
		}
		ln = tls.NewListener(ln, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get, NextProtos: []string{"http/1.1"}})
		scheme = "https"
	}
	return &webServer{
		listener: ln,
		url:      scheme + "://" + ln.Addr().String(),
		server: &http.Server{
			Handler:           h,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       60 * time.Second,
			WriteTimeout:      60 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}, nil
}

// run serves until ctx ends, then gives requests under way two seconds.
func (w *webServer) run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- w.server.Serve(w.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", w.url, err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := w.server.Shutdown(grace); err != nil {
		w.server.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

// certificate is a key pair that is read again when its files change.
type certificate struct {
	files TLSFiles
	log   *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate // guarded by mu
	changed time.Time        // guarded by mu; of the newer file
	looked  time.Time        // guarded by mu
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair != nil && time.Since(c.looked) < time.Second {
		return c.pair, nil
	}
	c.looked = time.Now()
	changed, err := c.newest()
	if err == nil && c.pair != nil && changed.Equal(c.changed) {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	if err == nil && c.pair != nil && ended(&pair) && !ended(c.pair) {
		err = errors.New("its time is over, and that of the one before is not")
	}
	if err != nil {
		err = fmt.Errorf("tls: read certificate %s and key %s: %w", c.files.CertFile, c.files.KeyFile, err)
		if c.pair == nil {
			return nil, err
		}
		c.log.Warn("the changed certificate is not usable; the old one serves on", "err", err)
		c.changed = changed
		return c.pair, nil
	}
	c.pair, c.changed = &pair, changed
	return c.pair, nil
}

func ended(pair *tls.Certificate) bool { return time.Now().After(pair.Leaf.NotAfter) }

func (c *certificate) newest() (time.Time, error) {
	var newest time.Time
	for _, path := range []string{c.files.CertFile, c.files.KeyFile} {
		st, err := os.Stat(path)
		if err != nil {
			return newest, err
		}
		if st.ModTime().After(newest) {
			newest = st.ModTime()
		}
	}
	return newest, nil
}
