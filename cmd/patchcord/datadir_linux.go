package main

import "syscall"

// magicOf returns the magic number of the folder's file system, 0 when it is not to be had.
func magicOf(path string) uint32 {
	var st syscall.Statfs_t
	if syscall.Statfs(path, &st) != nil {
		return 0
	}
	return uint32(st.Type)
}
