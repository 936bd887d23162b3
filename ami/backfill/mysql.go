package backfill

import (
	"database/sql"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"
)

// OpenMySQL prepares to read the database of that address, as
// user:password@tcp(host:3306)/asteriskcdrdb; nothing is connected yet. zone nil means
// this machine's. Whoever calls closes.
func OpenMySQL(dsn string, zone *time.Location) (*Database, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil || cfg.DBName == "" {
		return nil, errDSN("mysql", "user:password@tcp(host:3306)/asteriskcdrdb")
	}
	// Times come as the text that is stored: what it means is not this connection's zone.
	cfg.ParseTime, cfg.MultiStatements, cfg.AllowAllFiles = false, false, false
	if cfg.Timeout == 0 {
		cfg.Timeout = dialTimeout
	}
	cfg.Logger = &mysql.NopLogger{}
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errDSN("mysql", "user:password@tcp(host:3306)/asteriskcdrdb")
	}
	return &Database{db: limited(sql.OpenDB(c)), zone: zone, name: secretless("MySQL", cfg.Addr, cfg.DBName), dialect: dialect{
		mark:  func(int) string { return "?" },
		quote: "`",
		text:  func(column string) string { return "CAST(" + column + " AS CHAR)" },
		leads: `SELECT 1 FROM information_schema.statistics
			WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ? AND seq_in_index = 1 LIMIT 1`,
		noTable: func(err error) bool {
			var e *mysql.MySQLError
			return errors.As(err, &e) && e.Number == 1146 // ER_NO_SUCH_TABLE
		},
	}}, nil
}

const dialTimeout = 10 * time.Second

// limited keeps the PBX's database free for the PBX.
func limited(db *sql.DB) *sql.DB {
	db.SetMaxOpenConns(2)
	db.SetMaxIdleConns(1)
	db.SetConnMaxIdleTime(time.Minute)
	return db
}
