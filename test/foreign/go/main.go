// Verifies a Kestrel log, a receipt or single proofs with the libraries that the Go checksum database is verified with, so that
// nothing of Kestrel's own code vouches for Kestrel's logs.
//
//	foreign log DIR VKEY        every entry, every tile and the root of the log in DIR
//	foreign receipt FILE VKEY   one .tlog-proof
//	foreign proofs              inclusion and consistency proofs, one JSON object a line on stdin
//
// Prints "ok" and exits 0, or prints the problem and exits 6. VKEY is the key itself.
package main

import (
	"fmt"
	"os"
)

const (
	exitUsage  = 2
	exitFailed = 6
)

func main() {
	err := run(os.Args[1:])
	if err == errUsage {
		fmt.Fprintln(os.Stderr, "usage: foreign log DIR VKEY | receipt FILE VKEY | proofs")
		os.Exit(exitUsage)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(exitFailed)
	}
	fmt.Println("ok")
}

var errUsage = fmt.Errorf("usage")

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "log":
		return verifyLog(args[1], args[2])
	case len(args) == 3 && args[0] == "receipt":
		return verifyReceipt(args[1], args[2])
	case len(args) == 1 && args[0] == "proofs":
		return verifyProofs(os.Stdin)
	}
	return errUsage
}
