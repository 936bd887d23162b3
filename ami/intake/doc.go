// Package intake is the road of one PBX: from its manager session into the
// durable log, through the fold, to the store and to the screens.
//
// A Line owns a PBX. Its session's reader stamps every frame with a position and
// hands it to two bounded queues, and waits for neither. One leads to the live
// fold, whose events go to the screens at once. The other leads to the log; what
// is durable there is folded again, by the same rules, and committed with its
// position in one transaction. Nothing that is slow stands before the screen.
package intake
