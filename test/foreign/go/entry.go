package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// entry is what a verifier has to know of an entry to check what stands between entries. Absent integers are nil.
type entry struct {
	V         int    `json:"v"`
	Seq       *int64 `json:"seq"`
	Time      *int64 `json:"time"`
	Kind      string `json:"kind"`
	Agent     string `json:"agent"`
	AgentSeq  *int64 `json:"agentSeq"`
	Principal string `json:"principal"`
	Policy    *int64 `json:"policy"`
	Of        *int64 `json:"of"`
	PublicKey []byte `json:"publicKey"`
	Head      *head  `json:"head"`
}

type head struct {
	UpTo  int64  `json:"upTo"`
	Chain string `json:"chain"`
	Sig   []byte `json:"sig"`
}

var kinds = []string{
	"action", "approval", "resolve", "policy", "enroll", "rotate", "head", "grant", "revoke", "run", "state", "snapshot",
	"migrate", "export", "shred", "note",
}

var fields = []string{
	"v", "seq", "time", "kind", "agent", "agentSeq", "principal", "run", "step", "action", "resource", "resources", "params",
	"policy", "decision", "flow", "of", "key", "approval", "charge", "undo", "outcome", "class", "tier", "digest", "publicKey",
	"head", "reason",
}

// parseEntry reads entry seq of a log. A field that the format does not know is an error, but a later kind keeps its own in
// one named after it.
func parseEntry(data []byte, seq int64) (*entry, error) {
	object, err := decodeCanonical(data)
	if err != nil {
		return nil, err
	}
	var e entry
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	for field := range object {
		if !slices.Contains(fields, field) && field != e.Kind {
			return nil, fmt.Errorf("unknown field %q", field)
		}
	}
	if e.V != 1 || e.Seq == nil || *e.Seq != seq {
		return nil, fmt.Errorf("not entry %d of format 1", seq)
	}
	if e.Time == nil || e.Agent == "" || e.Principal == "" || !slices.Contains(kinds, e.Kind) {
		return nil, fmt.Errorf("it lacks a field, or has an unknown kind")
	}
	isHead, hasKey := e.Kind == "head", e.Kind == "enroll" || e.Kind == "rotate"
	if isHead != (e.Head != nil) || isHead != (e.AgentSeq == nil) || hasKey != (e.PublicKey != nil) {
		return nil, fmt.Errorf("its fields are not those of kind %s", e.Kind)
	}
	return &e, nil
}
