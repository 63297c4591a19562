package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// verifyReceipt checks a .tlog-proof whose extra data is the entry: the log's signature, the cosignatures of the given
// witnesses, and the path from the entry to the root.
func verifyReceipt(file, vkey string, witnesses []string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, checkpoint, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("receipt: not a tlog-proof")
	}
	extra, hasExtra := strings.CutPrefix(lines[1], "extra ")
	entry, err := base64.StdEncoding.Strict().DecodeString(extra)
	if err != nil || !hasExtra {
		return fmt.Errorf("receipt: no entry")
	}
	digits, hasIndex := strings.CutPrefix(lines[2], "index ")
	index, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !hasIndex || strconv.FormatInt(index, 10) != digits {
		return fmt.Errorf("receipt: no index")
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := parseHash(line)
		if err != nil {
			return fmt.Errorf("receipt: %w", err)
		}
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint(checkpoint, vkey)
	if err != nil {
		return err
	}
	if err := checkCosignatures(checkpoint, witnesses); err != nil {
		return err
	}
	if index >= tree.N {
		return fmt.Errorf("receipt: the tree has no entry %d", index)
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return err
	}
	_, err = parseEntry(entry, index)
	return err
}
