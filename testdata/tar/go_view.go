// Writes go_view.txt: what Go's archive/tar reads in every archive beside this file.
//
//	go run testdata/tar/go_view.go
package main

import (
	"archive/tar"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Content and names that are longer are shown by length and hash.
const longestShown = 120

// Records that are shown as fields of the entry, or that say how to read the others.
const taken = " path linkpath size uid gid uname gname mtime charset hdrcharset "

func main() {
	root := "testdata/tar"
	archives, err := filepath.Glob(root + "/*/*.tar")
	if err != nil {
		log.Fatal(err)
	}
	var out strings.Builder
	for _, archive := range archives {
		name, err := filepath.Rel(root, archive)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", filepath.ToSlash(name))
		if err := list(&out, archive); err != nil {
			fmt.Fprintf(&out, "  error: %v\n", err)
		}
	}
	if err := os.WriteFile(root+"/go_view.txt", []byte(out.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}

// list writes one line for each entry.
func list(out io.Writer, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(reader, 1<<20))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %s\n", line(header, content))
	}
}

func line(header *tar.Header, content []byte) string {
	link := header.Linkname
	switch header.Typeflag {
	case tar.TypeLink:
		link = normalized(link)
	case tar.TypeSymlink:
	default:
		link = ""
	}
	device := fmt.Sprintf("%d:%d", header.Devmajor, header.Devminor)
	if header.Typeflag != tar.TypeChar && header.Typeflag != tar.TypeBlock {
		device = "0:0"
	}
	fields := []string{
		kind(header.Typeflag),
		"path=" + shown(normalized(header.Name)),
		"link=" + shown(link),
		fmt.Sprintf("mode=%o", header.Mode&0o7777),
		fmt.Sprintf("owner=%d:%d", header.Uid, header.Gid),
		"names=" + shown(header.Uname) + ":" + shown(header.Gname),
		fmt.Sprintf("mtime=%d+%d", header.ModTime.Unix(), header.ModTime.Nanosecond()),
		"device=" + device,
		fmt.Sprintf("size=%d", header.Size),
		"content=" + shown(string(content)),
	}
	for _, key := range sortedKeys(header.PAXRecords) {
		if !strings.Contains(taken, " "+key+" ") {
			fields = append(fields, shown(key)+"="+shown(header.PAXRecords[key]))
		}
	}
	return strings.Join(fields, " ")
}

func kind(flag byte) string {
	switch flag {
	case tar.TypeReg, tar.TypeCont:
		return "file"
	case tar.TypeLink:
		return "hardlink"
	case tar.TypeSymlink:
		return "symlink"
	case tar.TypeChar:
		return "character"
	case tar.TypeBlock:
		return "block"
	case tar.TypeDir:
		return "directory"
	case tar.TypeFifo:
		return "fifo"
	}
	return "type " + shown(string(flag))
}

// normalized drops what means nothing in a path.
func normalized(name string) string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return "."
	}
	return strings.Join(parts, "/")
}

// shown quotes text: printable ASCII as it is, but quotes and backslashes, other bytes in hexadecimal.
func shown(text string) string {
	if len(text) > longestShown {
		hash := fnv.New64a()
		hash.Write([]byte(text))
		return fmt.Sprintf("<%d bytes, FNV-1a %016x>", len(text), hash.Sum64())
	}
	var out strings.Builder
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&out, "\\x%02x", c)
		} else {
			out.WriteByte(c)
		}
	}
	return `"` + out.String() + `"`
}

func sortedKeys(records map[string]string) []string {
	keys := make([]string, 0, len(records))
	for key := range records {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
