package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// witness is one of c2sp.org/tlog-witness for a single log, which forgets everything when it ends.
type witness struct {
	vkey   string
	signer note.Signer
	mutex  sync.Mutex
	seen   tlog.Tree
}

// serve answers on a free port of this machine, which it prints first, until it is killed.
func serve(vkey, skey string) error {
	signer, err := cosignature.NewSignerForCosignatureV1(skey)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	http.Handle("POST /add-checkpoint", &witness{vkey: vkey, signer: signer})
	return http.Serve(listener, nil)
}

func (w *witness) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(io.LimitReader(request.Body, answerBytes))
	if err != nil {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	status, answer := w.answer(body)
	if status == http.StatusConflict {
		response.Header().Set("Content-Type", "text/x.tlog.size")
	}
	response.WriteHeader(status)
	fmt.Fprint(response, answer)
}

func (w *witness) answer(body []byte) (int, string) {
	head, msg, found := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	digits, isOld := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(digits, 10, 64)
	if !found || !isOld || err != nil || len(lines) > 64 {
		return http.StatusBadRequest, "malformed"
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		hash, err := parseHash(line)
		if err != nil {
			return http.StatusBadRequest, "malformed proof"
		}
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint(msg, w.vkey)
	if err != nil {
		return http.StatusForbidden, err.Error()
	}
	if old > tree.N {
		return http.StatusBadRequest, "old size beyond the checkpoint"
	}
	if old != w.seen.N {
		return http.StatusConflict, fmt.Sprintf("%d\n", w.seen.N)
	}
	if err := w.follows(tree, proof); err != nil {
		return http.StatusUnprocessableEntity, err.Error()
	}
	return w.cosign(tree, msg)
}

func (w *witness) follows(tree tlog.Tree, proof tlog.TreeProof) error {
	if w.seen.N == 0 || w.seen.N == tree.N {
		if len(proof) > 0 || (w.seen.N > 0 && w.seen.Hash != tree.Hash) {
			return fmt.Errorf("another tree of the same size, or a proof from nothing")
		}
		return nil
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, w.seen.N, w.seen.Hash)
}

func (w *witness) cosign(tree tlog.Tree, msg []byte) (int, string) {
	text, _, _ := strings.Cut(string(msg), "\n\n")
	cosigned, err := note.Sign(&note.Note{Text: text + "\n"}, w.signer)
	if err != nil {
		return http.StatusInternalServerError, err.Error()
	}
	w.seen = tree
	_, lines, _ := strings.Cut(string(cosigned), "\n\n")
	return http.StatusOK, lines
}
