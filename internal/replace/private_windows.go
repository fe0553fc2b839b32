package replace

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// private keeps others from reading a new file, which has no content yet. On other systems it has the
// mode 0600: nothing is inherited, and its owner may do all, as may SYSTEM, as which containerd runs,
// and the administrators, whom no list keeps out.
func private(f *os.File) error {
	h, err := reopen(windows.Handle(f.Fd()), windows.READ_CONTROL|windows.WRITE_DAC)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	of, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	owner, _, err := of.Owner()
	if err != nil {
		return err
	}
	descriptor, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;" + owner.String() + ")(A;;FA;;;SY)(A;;FA;;;BA)")
	if err != nil {
		return err
	}
	return windows.SetKernelObjectSecurity(h, windows.DACL_SECURITY_INFORMATION, descriptor)
}

// reopen opens a file that is open once more, for other access. By its name it may be another one.
func reopen(h windows.Handle, access uint32) (again windows.Handle, err error) {
	attributes := &windows.OBJECT_ATTRIBUTES{RootDirectory: h, ObjectName: &windows.NTUnicodeString{}}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	var status windows.IO_STATUS_BLOCK
	err = windows.NtCreateFile(&again, access|windows.SYNCHRONIZE, attributes, &status, nil, 0,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, windows.FILE_OPEN,
		windows.FILE_SYNCHRONOUS_IO_NONALERT, 0, 0)
	return again, err
}
