module github.com/containers/storage

go 1.25.0
