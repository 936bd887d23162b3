package crm

import (
	"slices"
	"strings"
)

// Users returns the names of everybody who had the offer's extension when it rang.
func (o *Offer) Users() []string { return users(o.Agent, o.Agents) }

// Users returns the names of everybody who had the talk's extension when it began.
func (t *Talk) Users() []string { return users(t.Agent, t.Agents) }

// Users returns the names of everybody who has the extension.
func (a *AgentState) Users() []string { return users(a.Agent, a.Agents) }

// Has reports whether the offer was for the user; names differ by more than their case.
func (o *Offer) Has(user string) bool { return has(o.Users(), user) }

// Has reports whether the user may be who talked.
func (t *Talk) Has(user string) bool { return has(t.Users(), user) }

func users(one string, all []string) []string {
	if len(all) > 0 || one == "" {
		return all
	}
	return []string{one}
}

func has(names []string, name string) bool {
	return name != "" && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
