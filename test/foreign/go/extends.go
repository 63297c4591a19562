package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// verifyExtends proves from the tiles alone that the tree of an earlier checkpoint is a prefix of the log's. Both checkpoints
// must be signed by the same key: a log that was begun again under another one extends nothing.
func verifyExtends(dir, oldFile, vkey string) error {
	old, err := openCheckpointFile(oldFile, vkey)
	if err != nil {
		return fmt.Errorf("earlier %w", err)
	}
	tree, err := openCheckpointFile(filepath.Join(dir, "checkpoint"), vkey)
	if err != nil {
		return err
	}
	if old.N > tree.N {
		return fmt.Errorf("checkpoint: %d entries, where there were %d", tree.N, old.N)
	}
	if old.N == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, old.N, tlog.TileHashReader(tree, tiles{dir}))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("the log is no extension of the earlier checkpoint: %w", err)
	}
	return nil
}

func openCheckpointFile(file, vkey string) (tlog.Tree, error) {
	msg, err := os.ReadFile(file)
	if err != nil {
		return tlog.Tree{}, err
	}
	return openCheckpoint(msg, vkey)
}
