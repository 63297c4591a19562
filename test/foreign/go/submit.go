package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	answerBytes  = 1 << 16
	answerWithin = 10 * time.Second
)

// submit has a witness cosign the log in dir by c2sp.org/tlog-witness, where it last saw old entries of it, and prints the
// checkpoint with the witness's lines once they verify. An answer other than 200 is printed as status and body, and an error.
func submit(url, dir string, old int64, vkey, witness string) error {
	msg, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(msg, vkey)
	if err != nil {
		return err
	}
	proof, err := proveGrowth(tree, old, dir)
	if err != nil {
		return err
	}
	var body strings.Builder
	fmt.Fprintf(&body, "old %d\n", old)
	for _, hash := range proof {
		fmt.Fprintln(&body, base64.StdEncoding.EncodeToString(hash[:]))
	}
	body.WriteByte('\n')
	body.Write(msg)
	client := http.Client{Timeout: answerWithin}
	response, err := client.Post(url+"/add-checkpoint", "text/plain", strings.NewReader(body.String()))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s %s", response.StatusCode, response.Header.Get("Content-Type"), answer)
	}
	cosigned := append(msg, answer...)
	if err := checkCosignatures(cosigned, []string{witness}); err != nil {
		return err
	}
	_, err = os.Stdout.Write(cosigned)
	return err
}

// proveGrowth asks for no more than there is: a wrong old size is the witness's to refuse.
func proveGrowth(tree tlog.Tree, old int64, dir string) (tlog.TreeProof, error) {
	if old <= 0 || old >= tree.N {
		return nil, nil
	}
	return tlog.ProveTree(tree.N, old, tlog.TileHashReader(tree, tiles{dir}))
}
