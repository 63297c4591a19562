package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Tiles have height 8: 256 hashes, 256 entries a bundle.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// verifyLog reads every file that the checkpoint's tree needs, twice: once top down through tlog's tile reader, which
// authenticates each hash against the root, and once bottom up from the entries.
func verifyLog(dir, vkey string) error {
	msg, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(msg, vkey)
	if err != nil {
		return err
	}
	if own, err := os.ReadFile(filepath.Join(dir, "vkey")); err != nil || strings.TrimSuffix(string(own), "\n") != vkey {
		return fmt.Errorf("vkey: not the given key")
	}
	var stored hashes
	between := newRules(strings.SplitN(vkey, "+", 2)[0])
	authentic := tlog.TileHashReader(tree, tiles{dir})
	for start := int64(0); start < tree.N; start += tileWidth {
		if err := verifyBundle(dir, tree.N, start, authentic, &stored, between); err != nil {
			return err
		}
	}
	root, err := tlog.TreeHash(tree.N, &stored)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("checkpoint: the entries come to another root")
	}
	return verifyTiles(dir, tree.N, &stored)
}

// verifyBundle checks one bundle's entries against authentic hashes and the entries before, and adds their own hashes to
// stored.
func verifyBundle(dir string, size, start int64, authentic tlog.HashReader, stored *hashes, between *rules) error {
	width := min(tileWidth, size-start)
	path := bundlePath(start/tileWidth, int(width))
	data, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return err
	}
	entries, err := decodeBundle(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(entries)) != width {
		return fmt.Errorf("%s: %d entries instead of %d", path, len(entries), width)
	}
	var indexes []int64
	for i := range entries {
		indexes = append(indexes, tlog.StoredHashIndex(0, start+int64(i)))
	}
	expected, err := authentic.ReadHashes(indexes)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		seq := start + int64(i)
		if tlog.RecordHash(entry) != expected[i] {
			return fmt.Errorf("%s: entry %d was altered", path, seq)
		}
		if err := between.add(entry, seq); err != nil {
			return fmt.Errorf("%s: entry %d: %w", path, seq, err)
		}
		added, err := tlog.StoredHashes(seq, entry, stored)
		if err != nil {
			return err
		}
		*stored = append(*stored, added...)
	}
	return nil
}

func verifyTiles(dir string, size int64, stored *hashes) error {
	for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
		want, err := tlog.ReadTileData(tile, stored)
		if err != nil {
			return err
		}
		path := tilePath(tile)
		got, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s: not the hashes of the entries below it", path)
		}
	}
	return nil
}

func decodeBundle(data []byte) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 {
			return nil, fmt.Errorf("cut short")
		}
		length := int(binary.BigEndian.Uint16(data))
		if length == 0 || len(data) < 2+length {
			return nil, fmt.Errorf("cut short")
		}
		entries = append(entries, data[2:2+length])
		data = data[2+length:]
	}
	return entries, nil
}

// hashes is tlog's storage of all complete subtrees, in memory.
type hashes []tlog.Hash

func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, index := range indexes {
		if index >= int64(len(*h)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		out = append(out, (*h)[index])
	}
	return out, nil
}
