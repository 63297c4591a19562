// Verifies a Kestrel log and what was taken from it with the libraries that the Go checksum database and the C2SP witnesses are
// verified with, so that nothing of Kestrel's own code vouches for Kestrel's logs.
//
//	foreign log DIR VKEY                           every entry, every agent's heads, every tile and the root of the log in DIR
//	foreign extends DIR OLD VKEY                   that the log in DIR holds all that the checkpoint in the file OLD covered
//	foreign receipt FILE VKEY [WITNESS…]           one .tlog-proof, with the cosignatures of all given witnesses
//	foreign cosigned CHECKPOINT VKEY WITNESS…      a checkpoint with the cosignatures of all given witnesses
//	foreign proofs                                 inclusion and consistency proofs, one JSON object a line on stdin
//
// Prints "ok" and exits 0, or prints the problem and exits 6. VKEY and WITNESS are the keys themselves.
//
//	foreign witness NAME                           makes a witness: its signing key on one line, its verifier key on the next
//	foreign cosign CHECKPOINT VKEY SKEY            prints the checkpoint with that witness's cosignature added
//	foreign submit URL DIR OLD VKEY WITNESS        has the witness at URL do that, which has seen OLD entries, over HTTP
//	foreign serve VKEY SKEY                        is a witness on HTTP, until it is killed; prints its URL first
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

const (
	exitUsage  = 2
	exitFailed = 6
)

func main() {
	err := run(os.Args[1:])
	if errors.Is(err, errUsage) {
		fmt.Fprintln(os.Stderr, "usage: foreign log DIR VKEY | extends DIR OLD VKEY | receipt FILE VKEY [WITNESS…]")
		fmt.Fprintln(os.Stderr, "       foreign cosigned CHECKPOINT VKEY WITNESS… | proofs | witness NAME | cosign CHECKPOINT VKEY SKEY")
		fmt.Fprintln(os.Stderr, "       foreign submit URL DIR OLD VKEY WITNESS | serve VKEY SKEY")
		os.Exit(exitUsage)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(exitFailed)
	}
}

var errUsage = errors.New("usage")

func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	command, args := args[0], args[1:]
	switch {
	case command == "witness" && len(args) == 1:
		return makeWitness(args[0])
	case command == "cosign" && len(args) == 3:
		return cosign(args[0], args[1], args[2])
	case command == "serve" && len(args) == 2:
		return serve(args[0], args[1])
	case command == "submit" && len(args) == 5:
		old, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			return errUsage
		}
		return submit(args[0], args[1], old, args[3], args[4])
	}
	if err := verify(command, args); err != nil {
		return err
	}
	fmt.Println("ok")
	return nil
}

func verify(command string, args []string) error {
	switch {
	case command == "log" && len(args) == 2:
		return verifyLog(args[0], args[1])
	case command == "extends" && len(args) == 3:
		return verifyExtends(args[0], args[1], args[2])
	case command == "receipt" && len(args) >= 2:
		return verifyReceipt(args[0], args[1], args[2:])
	case command == "cosigned" && len(args) >= 3:
		return verifyCosigned(args[0], args[1], args[2:])
	case command == "proofs" && len(args) == 0:
		return verifyProofs(os.Stdin)
	}
	return errUsage
}
