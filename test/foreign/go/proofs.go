package main

import (
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// claim is one proof: of inclusion where Leaf is set, else of consistency. Hashes are base64, as JSON writes []byte.
type claim struct {
	Size    int64
	Root    []byte
	Index   int64
	Leaf    []byte
	OldSize int64
	OldRoot []byte
	Proof   [][]byte
}

func verifyProofs(in io.Reader) error {
	decoder := json.NewDecoder(in)
	for line := 1; ; line++ {
		var c claim
		if err := decoder.Decode(&c); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("proof %d: %w", line, err)
		}
		if err := c.check(); err != nil {
			return fmt.Errorf("proof %d: %w", line, err)
		}
	}
}

func (c claim) check() error {
	var proof []tlog.Hash
	for _, hash := range c.Proof {
		proof = append(proof, toHash(hash))
	}
	if c.Leaf != nil {
		return tlog.CheckRecord(proof, c.Size, toHash(c.Root), c.Index, toHash(c.Leaf))
	}
	return tlog.CheckTree(proof, c.Size, toHash(c.Root), c.OldSize, toHash(c.OldRoot))
}

func toHash(data []byte) (hash tlog.Hash) {
	copy(hash[:], data)
	return hash
}
