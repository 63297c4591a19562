package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// verifyCosigned checks the log's signature of a checkpoint and the cosignature of every witness that is asked for.
func verifyCosigned(file, vkey string, witnesses []string) error {
	msg, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if _, err := openCheckpoint(msg, vkey); err != nil {
		return err
	}
	return checkCosignatures(msg, witnesses)
}

// checkCosignatures does not look at the log's own signature.
func checkCosignatures(msg []byte, witnesses []string) error {
	for _, vkey := range witnesses {
		verifier, err := witnessVerifier(vkey)
		if err != nil {
			return fmt.Errorf("witness %q: %w", vkey, err)
		}
		if _, err := note.Open(msg, note.VerifierList(verifier)); err != nil {
			return fmt.Errorf("cosignature of %s: %w", verifier.Name(), err)
		}
	}
	return nil
}

// witnessVerifier takes only keys of type 0x04 with the key ID that name and key come to, as tlog-cosignature asks.
func witnessVerifier(vkey string) (note.Verifier, error) {
	verifier, err := cosignature.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(vkey, fmt.Sprintf("%s+%08x+B", verifier.Name(), verifier.KeyHash())) {
		return nil, fmt.Errorf("not the key of a witness, or not with its own key ID")
	}
	return verifier, nil
}

func makeWitness(name string) error {
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return err
	}
	witness, err := cosignature.VKeyToCosignatureV1(vkey)
	if err != nil {
		return err
	}
	fmt.Println(skey)
	fmt.Println(witness)
	return nil
}

func cosign(file, vkey, skey string) error {
	msg, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if _, err := openCheckpoint(msg, vkey); err != nil {
		return err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open(msg, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	signer, err := cosignature.NewSignerForCosignatureV1(skey)
	if err != nil {
		return err
	}
	cosigned, err := note.Sign(opened, signer)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(cosigned)
	return err
}
