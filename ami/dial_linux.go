package ami

import (
	"fmt"
	"syscall"
)

const tcpUserTimeout = 0x12 // TCP_USER_TIMEOUT, tcp(7), in milliseconds

func setUserTimeout(_, _ string, c syscall.RawConn) error {
	var err error
	if ctrl := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(peerTimeout.Milliseconds()))
	}); ctrl != nil {
		return fmt.Errorf("set TCP_USER_TIMEOUT: %w", ctrl)
	}
	if err != nil {
		return fmt.Errorf("set TCP_USER_TIMEOUT: %w", err)
	}
	return nil
}
