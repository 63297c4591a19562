package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math/big"

	"golang.org/x/mod/sumdb/tlog"
)

// An agent may have this many entries that no head of its covers yet.
const unheadedEntries = 512

const scalarBytes = 32

// chain is one agent's own history: c(i) = SHA-256(c(i−1) ‖ leaf hash), from 32 zero bytes.
type chain struct {
	publicKey *ecdsa.PublicKey
	// values of the chain, by agentSeq
	values []tlog.Hash
	headed int64
}

type agents struct {
	origin string
	chains map[string]*chain
}

func (a agents) add(e *entry, data []byte) error {
	if e.Kind == "head" {
		return a.addHead(e)
	}
	agent := a.chains[e.Agent]
	if agent == nil {
		agent = &chain{}
		a.chains[e.Agent] = agent
	}
	if *e.AgentSeq != int64(len(agent.values)) {
		return fmt.Errorf("entry %d of %s stands where entry %d belongs", *e.AgentSeq, e.Agent, len(agent.values))
	}
	if (*e.AgentSeq == 0) != (e.Kind == "enroll") {
		return fmt.Errorf("%s is not enrolled by its first entry", e.Agent)
	}
	if e.PublicKey != nil {
		if err := agent.setKey(e.PublicKey); err != nil {
			return err
		}
	}
	var before tlog.Hash
	if len(agent.values) > 0 {
		before = agent.values[len(agent.values)-1]
	}
	leaf := tlog.RecordHash(data)
	agent.values = append(agent.values, sha256.Sum256(append(before[:], leaf[:]...)))
	if int64(len(agent.values))-agent.headed > unheadedEntries {
		return fmt.Errorf("more than %d entries of %s are under no head", unheadedEntries, e.Agent)
	}
	return nil
}

func (c *chain) setKey(der []byte) error {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return err
	}
	key, isECDSA := parsed.(*ecdsa.PublicKey)
	if !isECDSA || key.Curve != elliptic.P256() {
		return fmt.Errorf("its key is not of P-256")
	}
	c.publicKey = key
	return nil
}

func (a agents) addHead(e *entry) error {
	agent := a.chains[e.Agent]
	if agent == nil {
		return fmt.Errorf("a head of %s, which has no entries", e.Agent)
	}
	if e.Head.UpTo < agent.headed || e.Head.UpTo >= int64(len(agent.values)) {
		return fmt.Errorf("the head covers entry %d of %s, which is covered already or not there", e.Head.UpTo, e.Agent)
	}
	value := agent.values[e.Head.UpTo]
	if hex.EncodeToString(value[:]) != e.Head.Chain {
		return fmt.Errorf("the head of %s states another chain than its entries have", e.Agent)
	}
	statement := fmt.Sprintf(`{"agent":%s,"chain":"%s","origin":%s,"upTo":%d}`,
		canonicalString(e.Agent), e.Head.Chain, canonicalString(a.origin), e.Head.UpTo)
	digest := sha256.Sum256([]byte(statement))
	if len(e.Head.Sig) != 2*scalarBytes {
		return fmt.Errorf("the signature of the head of %s has %d bytes", e.Agent, len(e.Head.Sig))
	}
	r, s := new(big.Int).SetBytes(e.Head.Sig[:scalarBytes]), new(big.Int).SetBytes(e.Head.Sig[scalarBytes:])
	if !ecdsa.Verify(agent.publicKey, digest[:], r, s) {
		return fmt.Errorf("the head of %s is not signed by its key", e.Agent)
	}
	agent.headed = e.Head.UpTo + 1
	return nil
}
