// Package crm is the domain of patchcord: what a call, an offer, a contact and
// an event are, who may see them, and what a store of them must promise. It does
// no I/O and imports nothing of the project.
//
// # Words
//
// PBX: one Asterisk. Its name is the first part of every key, because the
// uniqueids of two PBXs may collide.
//
// Boot: one life of an Asterisk process. A restart begins a new boot, and every
// channel of the old one is gone.
//
// Epoch: one ownership of a PBX by one daemon. It is ours, never Asterisk's.
//
// Frame: one AMI message as received. Position: epoch and sequence number of a
// frame in its PBX's log. Event: what we say happened, a CloudEvent.
//
// User: who logs in. Agent: a user bound to extensions. Binding: which user had
// which extension, from when to when. An extension may have several users at a time:
// a call that rings it pops at each of them.
//
// Tenant: whose data it is. A PBX belongs to one.
//
// Channel, bridge, queue: Asterisk's meaning, always.
//
// Call: one conversation as the outside party lives it, from the first channel
// to the last hangup, through queues, ring groups and transfers. It absorbs every
// Linkedid that merges into it.
//
// Offer: one ring of one agent. A ring-all to twenty agents is one call with
// twenty offers.
//
// Talk: one agent's stretch of conversation, with the hold time inside it told apart.
//
// Queue visit: from entering a queue to leaving it, with the way out.
//
// Pop: what an agent's screen shows for an offer. Disposition: what the agent
// says the call came to.
//
// Gap: an interval in which the PBX may have said things we did not hear. A gap
// is data: stored, shown, counted.
//
// Extension: a phone on the PBX. Trunk: the way outside. Plumbing (Local,
// announcers, parking) is neither.
package crm
