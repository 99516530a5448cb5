// A vCenter for tests: the simulator of govmomi, which Debian packages as golang-github-vmware-govmomi-dev.
// Its arguments are vpx or esx and the files of its certificate and key. Prints its address when it listens and ends
// when its standard input does.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"

	"github.com/vmware/govmomi/simulator"
)

func main() {
	model := simulator.VPX()
	if os.Args[1] == "esx" {
		model = simulator.ESX()
	}
	model.Machine = 7
	if err := model.Create(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// A certificate of its own, as an appliance has that nobody has given another one.
	certificate, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server := model.Service.NewServer()
	fmt.Println(server.URL.String())
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.Close()
	model.Remove()
}
