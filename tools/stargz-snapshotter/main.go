// Command stargz-snapshotter serves containerd's stargz snapshotter on a unix socket.
//
//	stargz-snapshotter SOCKET DIRECTORY
//
// The project's own daemon is in a module that the module proxy does not have; this one is made of the
// same parts. What is read is fetched and nothing more, so that tests can tell a layer that is pulled lazily
// from one that is fetched behind their back. It ends at SIGTERM and unmounts what it mounted.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/contrib/snapshotservice"
	"github.com/containerd/stargz-snapshotter/fs/config"
	"github.com/containerd/stargz-snapshotter/service"
	"google.golang.org/grpc"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: stargz-snapshotter SOCKET DIRECTORY")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "stargz-snapshotter:", err)
		os.Exit(1)
	}
}

func serve(socket, directory string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	snapshotter, err := service.NewStargzSnapshotterService(ctx, directory, &service.Config{
		Config: config.Config{NoBackgroundFetch: true, NoPrometheus: true},
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	snapshotsapi.RegisterSnapshotsServer(server, snapshotservice.FromSnapshotter(snapshotter))
	go func() {
		<-ctx.Done()
		server.Stop()
	}()
	if err := server.Serve(listener); err != nil {
		return err
	}
	return snapshotter.Close()
}
