// Package auth turns a password into tokens and a token into a crm.Principal:
// JWT in, Principal out. It decides who somebody is and never what he may do;
// that is crm/api's table.
//
// An access token is an EdDSA JWT of ten minutes that holds ids only. A refresh
// token is an opaque random value of which the store keeps the hash; it rotates
// with every use, and using an old one again ends the login it belongs to.
// Everything that must outlive a request is in the store, so any node serves any
// request; a process keeps no more than what it read in the last two seconds.
package auth
