package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"patchcord/ami/intake"
	"patchcord/buffer"
	"patchcord/crm"
)

// leaveWithin is how long a stopping daemon takes to hand its PBXs to other nodes.
// Without other nodes it takes no time.
const leaveWithin = 8 * time.Second

// checkLogins is how often each node asks whether its sockets' logins still count:
// a user who is disabled on one node is gone from all within 2 s.
const checkLogins = 1500 * time.Millisecond

var nodeIDForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// nodeID returns the identity of the node that has the folder, made when it has
// none. By it a daemon takes its own PBXs again at once, however it ended.
func nodeID(path string) (string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var id [16]byte
		rand.Read(id[:])
		b = []byte(hex.EncodeToString(id[:]) + "\n")
		err = writeWhole(path, b)
	}
	if err != nil {
		return "", fmt.Errorf("identity of this node: %w", err)
	}
	id := strings.TrimSpace(string(b))
	if !nodeIDForm.MatchString(id) {
		return "", fmt.Errorf("%s holds no identity of a node; remove it, and a new one is made", path)
	}
	return id, nil
}

// writeWhole writes the file so that it is there whole or not at all.
func writeWhole(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// openNodes makes this node's place among several. A log on this node's disk cannot
// be gone on with by another, so such a node stays alone on its store.
func (d *daemon) openNodes(ctx context.Context) error {
	id, err := nodeID(d.data.file("node.id"))
	if err != nil {
		return err
	}
	self := crm.Node{ID: id, Name: d.cfg.Node, Sharing: d.follow != nil}
	for _, p := range d.cfg.PBXs {
		self.PBXs = append(self.PBXs, p.Name)
	}
	cluster, err := d.store.Cluster(ctx)
	if err != nil {
		return err
	}
	alone := d.cfg.Store == sqliteStore // by the lock of its folder
	i := slices.IndexFunc(cluster.Nodes, func(n crm.Node) bool { return n.ID != id && !n.Leaving && !(n.Sharing && self.Sharing) })
	if i >= 0 && !alone {
		return fmt.Errorf("node %q runs on the same store, and several nodes need a log that all can read: set `buffer: redis://…` on each, or stop one (one that died is forgotten after %v)",
			cluster.Nodes[i].Name, crm.NodeTTL)
	}
	d.nodes = intake.NewNodes(intake.NodesConfig{
		Store: d.store, Node: self, Alone: alone, Logger: d.log,
	})
	d.id = id
	d.add("nodes", d.nodes.Run)
	return nil
}

// shareLog puts a witness before the log, and remembers how to wait on it when
// other nodes can write to it.
func (d *daemon) shareLog(log buffer.Log) buffer.Log {
	d.witness = intake.NewWitness(log)
	if f, ok := log.(buffer.Follower); ok && d.cfg.Store != sqliteStore {
		d.follow = f
	}
	return d.witness
}

// Run runs every part until ctx ends. Then it hands its PBXs to other nodes, or
// back, while everything still runs, and stops.
func (d *daemon) Run(ctx context.Context) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	left := make(chan struct{})
	cancelled := context.AfterFunc(ctx, func() {
		defer close(left)
		defer stop()
		leaving, cancel := context.WithTimeout(running, leaveWithin)
		defer cancel()
		d.nodes.Leave(leaving)
	})
	err := runParts(running, d.parts)
	if !cancelled() {
		<-left
	}
	return err
}
