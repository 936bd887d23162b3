package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// StartSentinel starts a sentinel that watches the master by the name "main" and alone decides
// on a failover, 500 ms after the master stopped answering. It returns its redis-sentinel URL.
func StartSentinel(t testing.TB, master *Server) (url string, srv *Server) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	host, port, _ := strings.Cut(master.Addr(), ":")
	text := fmt.Sprintf("sentinel monitor main %s %s 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n", host, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, srv = start(t, func(s *Server) []string {
		return []string{config, "--sentinel", "--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--logfile", filepath.Join(s.dir, "log")}
	})
	return "redis-sentinel://" + srv.Addr() + "?master_name=main", srv
}
