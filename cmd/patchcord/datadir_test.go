package main

import "testing"

func TestFileSystemsOfTheNetworkAreTold(t *testing.T) {
	for magic, want := range map[uint32]medium{
		0x6969: overNetwork, 0xff534d42: overNetwork, 0xfe534d42: overNetwork,
		0x01021994: passing, 0x794c7630: passing,
		0xef53: onDisk, 0x58465342: onDisk, 0x9123683e: onDisk, 0: onDisk, // ext4, XFS, Btrfs, unknown
	} {
		if name, got := fileSystem(magic); got != want || (name == "") != (want == onDisk) {
			t.Errorf("%#x: %q, %v, want %v", magic, name, got, want)
		}
	}
}

func TestDataDirHereIsTaken(t *testing.T) {
	if err := makeDataDir(t.TempDir()); err != nil {
		t.Error(err)
	}
}
