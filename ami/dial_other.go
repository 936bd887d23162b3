//go:build !linux

package ami

import "syscall"

// setUserTimeout does nothing: only Linux has TCP_USER_TIMEOUT. Keep-alive and Ping
// find a dead peer all the same.
func setUserTimeout(_, _ string, _ syscall.RawConn) error { return nil }
