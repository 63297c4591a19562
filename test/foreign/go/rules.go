package main

import "fmt"

// rules are what holds between the entries of one log, taken in order.
type rules struct {
	time     int64
	policies map[int64]bool
	agents   agents
}

func newRules(origin string) *rules {
	return &rules{policies: map[int64]bool{}, agents: agents{origin: origin, chains: map[string]*chain{}}}
}

func (r *rules) add(data []byte, seq int64) error {
	e, err := parseEntry(data, seq)
	if err != nil {
		return err
	}
	if *e.Time < r.time {
		return fmt.Errorf("its time is before that of the entry before it")
	}
	r.time = *e.Time
	if seq == 0 && (e.Kind != "enroll" || e.Agent != "local") {
		return fmt.Errorf("the first entry does not enrol local")
	}
	if seq == 1 && e.Kind != "policy" {
		return fmt.Errorf("the second entry is not the policy")
	}
	if e.Kind == "policy" {
		r.policies[seq] = true
	}
	if e.Policy != nil && !r.policies[*e.Policy] {
		return fmt.Errorf("entry %d is no policy before it", *e.Policy)
	}
	if e.Of != nil && *e.Of >= seq {
		return fmt.Errorf("entry %d does not come before it", *e.Of)
	}
	return r.agents.add(e, data)
}
