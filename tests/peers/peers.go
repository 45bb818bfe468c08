// SPDX-License-Identifier: BSD-2-Clause

// What Google's Go libraries say of the evidence in a directory of vectors, a line for each:
// "NAME ok" or "NAME refused WHY".  They are asked for signatures, chains, collateral and lists,
// nothing of policy, with the roots that a vector names.
//
//	peers snp|tdx DIR TIME [ROOT-SHA256]
package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	sabi "github.com/google/go-sev-guest/abi"
	"github.com/google/go-sev-guest/kds"
	spb "github.com/google/go-sev-guest/proto/sevsnp"
	sverify "github.com/google/go-sev-guest/verify"
	strust "github.com/google/go-sev-guest/verify/trust"
	tverify "github.com/google/go-tdx-guest/verify"
)

func read(dir, name string) []byte {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	return b
}

// certificates of a PEM file, as DER.
func certificates(text []byte) (out [][]byte) {
	for {
		var b *pem.Block

		b, text = pem.Decode(text)
		if b == nil {
			return
		}
		if b.Type == "CERTIFICATE" {
			out = append(out, b.Bytes)
		}
	}
}

// pinned says whether sha256 of the certificate, or of its key, is the root's.
func pinned(der []byte, root string) bool {
	x, err := x509.ParseCertificate(der)
	if err != nil || root == "" {
		return false
	}
	whole, key := sha256.Sum256(der), sha256.Sum256(x.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(whole[:]) == root || hex.EncodeToString(key[:]) == root
}

// A directory instead of a network.
type snpFiles struct{ dir string }

func (g snpFiles) Get(u string) ([]byte, error) {
	if strings.HasSuffix(u, "/crl") {
		if b := read(g.dir, "crl.der"); b != nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("no %s here", u)
}

func snp(dir string, at time.Time, root string) error {
	report, err := sabi.ReportToProto(read(dir, "report.bin"))
	if err != nil {
		return err
	}
	chain := &spb.CertificateChain{VcekCert: read(dir, "vcek.der"), VlekCert: read(dir, "vlek.der")}
	cas := certificates(read(dir, "cert_chain.pem"))
	if len(cas) >= 2 {
		chain.AskCert, chain.ArkCert = cas[0], cas[1]
	}
	options := &sverify.Options{DisableCertFetching: true, Now: at, Getter: snpFiles{dir},
		CheckRevocations: read(dir, "crl.der") != nil && len(cas) >= 2 && namesList(cas[0])}
	attestation := &spb.Attestation{Report: report, CertificateChain: chain}
	if len(cas) >= 2 && pinned(cas[1], root) {
		roots := strust.AMDRootCertsProduct(productOf(cas[1]))
		if err := roots.FromKDSCertBytes(read(dir, "cert_chain.pem")); err != nil {
			return err
		}
		if chain.VlekCert != nil {
			asvk, err := x509.ParseCertificate(cas[0])
			if err != nil {
				return err
			}
			roots.ProductCerts.Asvk = asvk
		}
		options.TrustedRoots = map[string][]*strust.AMDRootCerts{
			productOf(cas[1]): {roots}}
	}
	if len(cas) >= 2 {
		if p, err := kds.ParseProductLine(productOf(cas[1])); err == nil {
			attestation.Product = p
		}
	}
	return sverify.SnpAttestation(attestation, options)
}

// Theirs looks for a list where the intermediate says that there is one.
func namesList(ask []byte) bool {
	x, err := x509.ParseCertificate(ask)
	return err == nil && len(x.CRLDistributionPoints) > 0
}

// "Milan" of "ARK-Milan".
func productOf(ark []byte) string {
	x, err := x509.ParseCertificate(ark)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(x.Subject.CommonName, "ARK-")
}

type tdxFiles struct{ dir string }

func (g tdxFiles) Get(u string) (map[string][]string, []byte, error) {
	files := []struct{ part, body, chain, header string }{
		{"/tdx/certification/v4/tcb", "tcb_info.json", "tcb_info_issuer_chain.pem", "Tcb-Info-Issuer-Chain"},
		{"/qe/identity", "qe_identity.json", "qe_identity_issuer_chain.pem", "Sgx-Enclave-Identity-Issuer-Chain"},
		{"/pckcrl", "pck_crl.der", "pck_crl_issuer_chain.pem", "Sgx-Pck-Crl-Issuer-Chain"},
		{"", "root_ca_crl.der", "", ""},
	}
	for _, f := range files {
		if strings.Contains(u, f.part) {
			body := read(g.dir, f.body)
			if body == nil {
				break
			}
			return map[string][]string{f.header: {url.QueryEscape(string(read(g.dir, f.chain)))}}, body, nil
		}
	}
	return nil, nil, fmt.Errorf("no %s here", u)
}

func tdx(dir string, at time.Time, root string) error {
	options := &tverify.Options{Now: at, GetCollateral: true, CheckRevocations: true,
		Getter: tdxFiles{filepath.Join(dir, "collateral")}}
	if b := read(dir, "trusted_root.pem"); b != nil {
		options.TrustedRoots = x509.NewCertPool()
		options.TrustedRoots.AppendCertsFromPEM(b)
	}
	if read(filepath.Join(dir, "collateral"), "pck_crl.der") == nil {
		options.CheckRevocations = false
	}
	return tverify.RawTdxQuote(read(dir, "quote.bin"), options)
}

func guarded(f func(string, time.Time, string) error, dir string, at time.Time, root string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f(dir, at, root)
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: peers snp|tdx DIR TIME [ROOT-SHA256]")
		os.Exit(2)
	}
	at, err := time.Parse(time.RFC3339, os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	root, verify := "", snp
	if len(os.Args) > 4 {
		root = os.Args[4]
	}
	if os.Args[1] == "tdx" {
		verify = tdx
	}
	if err := guarded(verify, os.Args[2], at, root); err != nil {
		fmt.Println("refused", strings.ReplaceAll(err.Error(), "\n", " "))
	} else {
		fmt.Println("ok")
	}
}
