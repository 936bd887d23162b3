package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"patchcord/crm"
	"patchcord/crm/auth"
)

type userCmd struct {
	Add     userAddCmd     `cmd:"" help:"Add a user."`
	List    userListCmd    `cmd:"" help:"List users with their roles and extensions."`
	Set     userSetCmd     `cmd:"" help:"Change a user's role, password or extensions."`
	Disable userDisableCmd `cmd:"" help:"Keep a user out, and end every login of his within 2 seconds."`
	Enable  userEnableCmd  `cmd:"" help:"Let a disabled user in again."`
}

// Help is shown by `patchcord user --help`.
func (userCmd) Help() string {
	return `Works before the daemon runs and while it does.

Example:
  patchcord user add jo --role agent --extension hq/1001 --password-stdin < password.txt
  patchcord user list`
}

// tenantFlag names the tenant a command is about.
type tenantFlag struct {
	Tenant string `help:"Tenant the user belongs to." default:"default"`
}

type userAddCmd struct {
	tenantFlag
	Name          string   `arg:"" help:"Name to log in with."`
	Role          crm.Role `help:"owner, admin, supervisor, agent, auditor or integration." default:"agent"`
	Extension     []string `help:"Phone of an agent, as PBX/EXTENSION (repeatable)." placeholder:"hq/1001" sep:"none"`
	PasswordStdin bool     `help:"Read the password from the first line of standard input." required:""`
	stretch
}

// Help is shown by `patchcord user add --help`.
func (userAddCmd) Help() string {
	return `Works before the daemon runs and while it does.

Example:
  patchcord user add jo --role agent --extension hq/1001 --password-stdin < password.txt`
}

// Run adds the user, then binds the extensions.
func (c *userAddCmd) Run(ctx context.Context, t *terminal) error {
	if !c.Role.Valid() {
		return fmt.Errorf("there is no role %q; use one of %s", c.Role, roleList())
	}
	phones, err := parseExtensions(c.Extension)
	if err != nil {
		return err
	}
	password, err := readPassword(t.in)
	if err != nil {
		return err
	}
	user, err := auth.NewUser(c.Tenant, c.Name, c.Role, password)
	if err != nil {
		return err
	}
	store, err := openUserStore(ctx, t)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.CreateUser(ctx, user); errors.Is(err, crm.ErrConflict) {
		return fmt.Errorf("there is a user %q already; change it with: patchcord user set %s", c.Name, c.Name)
	} else if err != nil {
		return err
	}
	return c.bind(ctx, t, store, user.ID, phones, false)
}

type userSetCmd struct {
	tenantFlag
	Name            string   `arg:"" help:"Name of the user."`
	Role            crm.Role `help:"New role."`
	Extension       []string `help:"Phone to add, as PBX/EXTENSION (repeatable)." placeholder:"hq/1001" sep:"none"`
	Move            bool     `help:"Take those phones from everybody else who has one: hot-desking."`
	RemoveExtension []string `help:"Phone to take away (repeatable)." placeholder:"hq/1001" sep:"none"`
	PasswordStdin   bool     `help:"Read a new password from the first line of standard input; ends every login."`
	stretch
}

// stretch is for how long phones are given.
type stretch struct {
	From  time.Time `help:"When the phones begin to be his, such as 2026-03-02T08:00:00+01:00; now by default." format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME"`
	Until time.Time `help:"When they end to be his; never by default." format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME"`
}

// Help is shown by `patchcord user set --help`.
func (userSetCmd) Help() string {
	return `Example:
  patchcord user set jo --remove-extension hq/1001 --extension hq/1002
  patchcord user set jo --extension hq/1003 --move --until 2026-03-02T16:00:00+01:00`
}

// Run applies what was given and leaves the rest.
func (c *userSetCmd) Run(ctx context.Context, t *terminal) error {
	if c.Role != "" && !c.Role.Valid() {
		return fmt.Errorf("there is no role %q; use one of %s", c.Role, roleList())
	}
	if c.Role == "" && !c.PasswordStdin && len(c.Extension)+len(c.RemoveExtension) == 0 {
		return errors.New("nothing to change: give --role, --password-stdin, --extension or --remove-extension")
	}
	add, err := parseExtensions(c.Extension)
	if err != nil {
		return err
	}
	remove, err := parseExtensions(c.RemoveExtension)
	if err != nil {
		return err
	}
	store, user, err := c.find(ctx, t, c.Name)
	if err != nil {
		return err
	}
	defer store.Close()
	if c.Role != "" {
		user.Role = c.Role
		user.Version++
	}
	if c.PasswordStdin {
		if err := setPassword(&user, t.in); err != nil {
			return err
		}
	}
	if err := store.UpdateUser(ctx, user); err != nil {
		return err
	}
	for _, p := range remove {
		if err := store.Unbind(ctx, user.ID, p.pbx, p.extension, time.Now()); errors.Is(err, crm.ErrNotFound) {
			return fmt.Errorf("%s does not have %s/%s", c.Name, p.pbx, p.extension)
		} else if err != nil {
			return err
		}
	}
	return c.bind(ctx, t, store, user.ID, add, c.Move)
}

func setPassword(user *crm.User, in io.Reader) error {
	password, err := readPassword(in)
	if err != nil {
		return err
	}
	user.PasswordHash, err = auth.HashPassword(password)
	user.Version++
	return err
}

type userDisableCmd struct {
	tenantFlag
	Name string `arg:"" help:"Name of the user."`
}

// Help is shown by `patchcord user disable --help`.
func (userDisableCmd) Help() string {
	return `Example:
  patchcord user disable jo`
}

// Run keeps the user out.
func (c *userDisableCmd) Run(ctx context.Context, t *terminal) error {
	return c.setDisabled(ctx, t, c.Name, true)
}

type userEnableCmd struct {
	tenantFlag
	Name string `arg:"" help:"Name of the user."`
}

// Help is shown by `patchcord user enable --help`.
func (userEnableCmd) Help() string {
	return `Example:
  patchcord user enable jo`
}

// Run lets the user in again.
func (c *userEnableCmd) Run(ctx context.Context, t *terminal) error {
	return c.setDisabled(ctx, t, c.Name, false)
}

func (f tenantFlag) setDisabled(ctx context.Context, t *terminal, name string, disabled bool) error {
	store, user, err := f.find(ctx, t, name)
	if err != nil {
		return err
	}
	defer store.Close()
	user.Disabled = disabled
	user.Version++
	return store.UpdateUser(ctx, user)
}

// find opens the store and the user in it. The caller closes the store.
func (f tenantFlag) find(ctx context.Context, t *terminal, name string) (crm.Store, crm.User, error) {
	store, err := openUserStore(ctx, t)
	if err != nil {
		return nil, crm.User{}, err
	}
	user, err := store.UserByName(ctx, f.Tenant, name)
	if err != nil {
		store.Close()
		if errors.Is(err, crm.ErrNotFound) {
			err = fmt.Errorf("there is no user %q in tenant %q; patchcord user list shows who there is", name, f.Tenant)
		}
		return nil, crm.User{}, err
	}
	return store, user, nil
}

type userListCmd struct{ tenantFlag }

// Help is shown by `patchcord user list --help`.
func (userListCmd) Help() string {
	return `Example:
  patchcord user list --config patchcord.yml`
}

// Run prints a table.
func (c *userListCmd) Run(ctx context.Context, t *terminal) error {
	store, err := openUserStore(ctx, t)
	if err != nil {
		return err
	}
	defer store.Close()
	users, err := store.Users(ctx, c.Tenant)
	if err != nil {
		return err
	}
	bindings, err := store.Bindings(ctx, c.Tenant)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tSTATE\tEXTENSIONS")
	for _, u := range users {
		state := "active"
		if u.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.Name, u.Role, state, strings.Join(extensionsOf(bindings, u.ID, time.Now()), " "))
	}
	return w.Flush()
}

func extensionsOf(bindings []crm.Binding, userID string, at time.Time) []string {
	var list []string
	for _, b := range bindings {
		if b.UserID == userID && b.Holds(at) {
			list = append(list, b.PBX+"/"+b.Extension)
		}
	}
	slices.Sort(list)
	return list
}

// phone is an extension of a PBX.
type phone struct{ pbx, extension string }

func parseExtensions(list []string) ([]phone, error) {
	var phones []phone
	for _, s := range list {
		pbx, ext, ok := strings.Cut(s, "/")
		if !ok || !pbxName.MatchString(pbx) || ext == "" {
			return nil, fmt.Errorf("extension %q: write it as PBX/EXTENSION, such as hq/1001", s)
		}
		phones = append(phones, phone{pbx, ext})
	}
	return phones, nil
}

func (s stretch) bind(ctx context.Context, t *terminal, store crm.Store, userID string, phones []phone, alone bool) error {
	from := s.From
	if from.IsZero() {
		from = time.Now()
	}
	if !s.Until.IsZero() && !s.Until.After(from) {
		return errors.New("--until must be later than --from, and than now")
	}
	for _, p := range phones {
		b := crm.Binding{UserID: userID, PBX: p.pbx, Extension: p.extension, From: crm.At(from), Until: crm.At(s.Until)}
		if err := store.Bind(ctx, b, alone); err != nil {
			return fmt.Errorf("bind %s/%s: %w", p.pbx, p.extension, err)
		}
	}
	noteUnknown(t, phones)
	return nil
}

// noteUnknown says which phones are of a PBX that the configuration does not have:
// it may be to come, or a slip of the pen that lets no call pop.
func noteUnknown(t *terminal, phones []phone) {
	cfg, err := loadConfig(t.config, t.environ)
	if err != nil || len(cfg.PBXs) == 0 {
		return // which PBXs there are may stand in the daemon's own flags
	}
	for _, p := range phones {
		if !slices.ContainsFunc(cfg.PBXs, func(c PBXConfig) bool { return c.Name == p.pbx }) {
			fmt.Fprintf(t.err, "note: %s/%s was added, but the configuration has no PBX %q\n", p.pbx, p.extension, p.pbx)
		}
	}
}

func readPassword(in io.Reader) (crm.Secret, error) {
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("no password on standard input; pipe it in: patchcord user add … --password-stdin < password.txt")
	}
	return crm.Secret(line), nil
}

func roleList() string {
	names := make([]string, 0, len(crm.Roles))
	for _, r := range crm.Roles {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// openUserStore opens the store of the configuration, for commands that run beside the daemon.
func openUserStore(ctx context.Context, t *terminal) (crm.Store, error) {
	cfg, err := loadConfig(t.config, t.environ)
	if err != nil {
		return nil, err
	}
	if err := makeDataDir(cfg.DataDir); err != nil {
		return nil, err
	}
	return openStore(ctx, cfg)
}
